"""Lists of flat records, held as columns by resolvers and as JSON by answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Generic, TypeVar, cast, overload

import numpy as np
import orjson
from numpy.typing import NDArray

T = TypeVar("T")
P = TypeVar("P")
_MOST_TEXT = 128 * 1024  # characters of one
_MOST_TEXTS = 16  # selections of which the texts of a shared column are kept
Values = Sequence[Any] | NDArray[Any]


class SharedColumn:
    """Values of many batches, such as the labels of a tenor grid: completed once for each type, by whoever asks first.

    The values must not change. Of their texts in selections the last ones are kept.
    """

    __slots__ = ("_texts", "completed", "values")

    def __init__(self, values: Values) -> None:
        self.values = listed(values)
        self.completed: dict[tuple[Any, bool], Sequence[Any]] = {}
        self._texts: dict[Hashable, Sequence[Any]] = {}

    def texts(self, key: Hashable) -> Sequence[Any] | None:
        return self._texts.get(key)

    def keep(self, key: Hashable, texts: Sequence[Any]) -> Sequence[Any]:
        """`texts` are all `str` or all `bytes`."""
        if sum(map(len, texts)) > _MOST_TEXT:
            return texts
        if len(self._texts) >= _MOST_TEXTS:
            self._texts.clear()
        self._texts[key] = texts
        return texts


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value in every row."""

    value: Any


Column = Values | SharedColumn | Constant
Columns = Mapping[str, Column | Callable[[], Column]]


class RecordBatch(Sequence[T], Generic[T]):
    """Records of the Strawberry type `kind` as `length` rows of columns, by the names of its attributes.

    The columns may be given as a function that names them, called when the first of them is looked at.
    A column is a list, a one-dimensional array, a SharedColumn, a Constant, or a function that makes one of these,
    called where the field is selected. In an array NaN and NaT say null; in a list they are what they are. For those
    who know no columns it is a sequence of `kind`, which then needs a column for each attribute without a default.
    Raises ValueError for columns of another length.

    `cache_key` says that the content never changes, and which content it is, down to the filters that made it, among
    all batches of `kind`: rows with the same key and the same selection may be answered from JSON that is kept. Whoever
    sets it has decided before that the rows may be seen. `place`: it is that one of a Stack.
    """

    __slots__ = ("_given", "_known", "_length", "cache_key", "kind", "place")

    def __init__(
        self,
        kind: type[T],
        length: int,
        columns: Columns | Callable[[], Columns],
        cache_key: Hashable | None = None,
        place: tuple[Stack[T], int] | None = None,
    ) -> None:
        self.kind = kind
        self.cache_key = cache_key
        self.place = place
        self._length = length
        self._given = columns
        self._known: dict[str, Column | Callable[[], Column]] | None = None
        for name, column in () if callable(columns) else columns.items():
            if not callable(column):
                self._check(name, column)

    @property
    def _columns(self) -> dict[str, Column | Callable[[], Column]]:
        if self._known is None:
            self._known = dict(self._given() if callable(self._given) else self._given)
        return self._known

    def column(self, name: str) -> Sequence[Any] | SharedColumn | Constant | None:
        """None where there is no column of that name."""
        column = self.raw(name)
        if isinstance(column, np.ndarray):
            column = listed(column)
        if column is not None:
            self._columns[name] = column
        return column

    def raw(self, name: str) -> Column | None:
        """The column as it was given, arrays as arrays."""
        return self.raws([name])[0]

    def raws(self, names: Iterable[str | None]) -> list[Column | None]:
        """Those of several names, None for None."""
        known = self._columns
        found: list[Column | None] = []
        for name in names:
            column = None if name is None else known.get(name)
            if name is None or column is None:
                found.append(None)
                continue
            made = known[name] = column() if callable(column) else column
            self._check(name, made)
            found.append(made)
        return found

    def values(self, name: str) -> Sequence[Any]:
        """Raises KeyError where there is no column of that name."""
        match self.column(name):
            case None:
                raise KeyError(name)
            case SharedColumn(values=values):
                return values
            case Constant(value=value):
                return [value] * self._length
            case plain:
                return plain

    def parallel(self, kind: type[P]) -> P:
        """All rows as one object of a Strawberry type whose fields are lists: of each, the column of its name."""
        return kind(**{each.name: list(self.values(each.name)) for each in fields(kind)})  # type: ignore[arg-type]

    def _check(self, name: str, column: Column) -> None:
        if isinstance(column, (str, bytes)):
            raise TypeError(f"column {name} is text: the same in every row is Constant({column!r})")
        if isinstance(column, Constant):
            return
        found = len(column.values if isinstance(column, SharedColumn) else column)
        if found != self._length:
            raise ValueError(f"column {name} has {found} values for {self._length} rows of {self.kind.__name__}")

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        names = tuple(self._columns)
        if not names:
            return iter([self.kind() for _ in range(self._length)])
        rows = zip(*map(self.values, names), strict=True)
        return (self.kind(**dict(zip(names, row, strict=True))) for row in rows)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._length))]
        return self.kind(**{name: self.values(name)[index] for name in self._columns})


class Stack(Generic[T]):
    """Batches of as many rows each, `length`, such as those of curves that share a grid: they are encoded alike.

    `columns` names them when the first is looked at. They are as a RecordBatch has them, but for lists and arrays,
    which have one for each batch. `prepared` is what whoever encodes them has made of all, by selection.
    """

    __slots__ = ("_given", "_kind", "_known", "length", "prepared")

    def __init__(self, kind: type[T], length: int, columns: Callable[[], Columns]) -> None:
        self._kind = kind
        self.length = length
        self._given = columns
        self._known: dict[str, Column | Callable[[], Column]] | None = None
        self.prepared: dict[Hashable, Any] = {}

    def batch(self, place: int, cache_key: Hashable | None = None) -> RecordBatch[T]:
        return RecordBatch(self._kind, self.length, partial(self._at, place), cache_key, (self, place))

    def raw(self, name: str) -> Column | None:
        """Of all batches."""
        column = self._columns.get(name)
        if callable(column):
            column = self._columns[name] = column()
        return column

    @property
    def _columns(self) -> dict[str, Column | Callable[[], Column]]:
        if self._known is None:
            self._known = dict(self._given())
        return self._known

    def _at(self, place: int) -> Columns:
        return {name: partial(self._of, name, place) for name in self._columns}

    def _of(self, name: str, place: int) -> Column:
        column = self.raw(name)
        if column is None or isinstance(column, (SharedColumn, Constant)):
            return cast("Column", column)
        own: Column = column[place]
        return own


class Batches(Sequence[RecordBatch[T]]):
    """Batches of stacks of `kind`, made when they are looked at: those whose JSON is kept never are.

    `places`: of each its stack, and which of it it is; `keys` are their `cache_key`s.
    """

    __slots__ = ("keys", "kind", "places")

    def __init__(self, kind: type[T], places: Sequence[tuple[Stack[T], int]], keys: Sequence[Hashable]) -> None:
        self.kind = kind
        self.places = places
        self.keys = keys

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> RecordBatch[T]: ...
    @overload
    def __getitem__(self, index: slice) -> Batches[T]: ...
    def __getitem__(self, index: int | slice) -> RecordBatch[T] | Batches[T]:
        if isinstance(index, slice):
            return Batches(self.kind, self.places[index], self.keys[index])
        stack, place = self.places[index]
        return stack.batch(place, self.keys[index])


Sources = RecordBatch[Any] | Sequence[Any]


class EncodedRows(Sequence[dict[str, Any]]):
    """Completed rows as the JSON they are answered with. Decoded only for whoever looks into them.

    `length` is that of the rows, where whoever encoded them knows it still.
    """

    __slots__ = ("_length", "_rows", "encoded")

    def __init__(self, encoded: bytes, length: int | None = None) -> None:
        self.encoded = encoded
        self._length = length
        self._rows: list[dict[str, Any]] | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        if self._rows is None:
            self._rows = orjson.loads(self.encoded)
        return self._rows

    def __len__(self) -> int:
        return len(self.rows) if self._length is None else self._length

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.rows == list(other)

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self.rows[index]


def rendered(answer: object) -> bytes:
    """JSON of an answer or of what contains one."""
    return orjson.dumps(answer, default=_spliced)


def _spliced(value: object) -> orjson.Fragment:
    if isinstance(value, EncodedRows):
        return orjson.Fragment(value.encoded)
    raise TypeError(f"{type(value).__name__} has no JSON")


def listed(values: Values) -> Sequence[Any]:
    """Python values of an array, NaN and NaT as None. Anything else is answered as it is."""
    if not isinstance(values, np.ndarray):
        return values
    if values.ndim != 1:
        raise ValueError(f"a column has one dimension, not {values.ndim}")
    plain: list[Any] = values.tolist()
    if values.dtype.kind == "f":
        for place in np.isnan(values).nonzero()[0].tolist():
            plain[place] = None
    return plain
