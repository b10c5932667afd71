"""Batches of records, and rows that are kept as JSON."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from aurum.graphql.columnar.records import Constant, EncodedRows, RecordBatch, SharedColumn, rendered


@dataclass
class Point:
    tenor: str
    mid: float | None
    unit: str = "MWh"


GRID = SharedColumn(["2026-12", "2027-01", "2027-02"])


def test_a_batch_is_a_sequence_of_records() -> None:
    batch = RecordBatch(Point, 3, {"tenor": GRID, "mid": [1.0, 2.0, 3.0], "unit": Constant("GJ")})
    assert (len(batch), batch[1], batch[-1].tenor) == (3, Point("2027-01", 2.0, "GJ"), "2027-02")
    assert list(batch) == [batch[0], *batch[1:]]
    assert Point("2027-02", 3.0, "GJ") in batch
    with pytest.raises(IndexError):
        batch[3]


def test_an_attribute_without_a_column_has_its_default() -> None:
    assert RecordBatch(Point, 1, {"tenor": ["2026-12"], "mid": [None]})[0] == Point("2026-12", None, "MWh")
    with pytest.raises(TypeError, match="mid"):
        list(RecordBatch(Point, 1, {"tenor": ["2026-12"]}))


def test_nan_says_null_in_an_array_and_is_itself_in_a_list() -> None:
    array = RecordBatch(Point, 2, {"tenor": np.array(["a", "b"]), "mid": np.array([np.nan, 1.5])})
    assert [point.mid for point in array] == [None, 1.5]
    assert [type(value) for value in (*array.values("tenor"), *array.values("mid"))] == [str, str, type(None), float]
    (listed,) = RecordBatch(Point, 1, {"tenor": ["a"], "mid": [float("nan")]})
    assert listed.mid != listed.mid


def test_a_column_that_is_a_function_is_called_once_and_only_where_it_is_read() -> None:
    calls: list[str] = []

    def column(name: str) -> list[float]:
        calls.append(name)
        return [1.0, 2.0]

    batch = RecordBatch(Point, 2, {"tenor": ["a", "b"], "mid": lambda: column("mid"), "unit": lambda: column("unit")})
    assert batch.values("mid") == batch.values("mid") == [1.0, 2.0]
    assert calls == ["mid"]


def test_columns_have_one_length_and_one_dimension() -> None:
    with pytest.raises(ValueError, match="mid has 2 values for 3 rows of Point"):
        RecordBatch(Point, 3, {"tenor": GRID, "mid": [1.0, 2.0]})
    with pytest.raises(ValueError, match="tenor has 3 values for 1 rows"):
        RecordBatch(Point, 1, {"tenor": lambda: GRID}).column("tenor")
    with pytest.raises(ValueError, match="one dimension, not 2"):
        RecordBatch(Point, 1, {"mid": np.zeros((1, 2))}).column("mid")
    with pytest.raises(TypeError, match=r"Constant\('MWh'\)"):
        RecordBatch(Point, 3, {"unit": "MWh"})


def test_kept_rows_are_spliced_as_they_are_and_read_as_a_list() -> None:
    rows = EncodedRows(b'[{"mid":1.50},{"mid":null}]')
    assert rendered({"points": rows, "errors": None}) == b'{"points":[{"mid":1.50},{"mid":null}],"errors":null}'
    assert rows == [{"mid": 1.5}, {"mid": None}]
    assert (len(rows), rows[0], rows[1:]) == (2, {"mid": 1.5}, [{"mid": None}])
    with pytest.raises(TypeError, match="object"):
        rendered({"points": object()})
