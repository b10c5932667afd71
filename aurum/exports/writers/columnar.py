"""Parquet files and Arrow IPC streams."""

from __future__ import annotations

from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq


class ParquetWriter:
    """Snappy: the one compression that every reader knows, Excel's too."""

    def __init__(self, schema: Any, sink: IO[bytes]) -> None:
        self._writer = pq.ParquetWriter(sink, schema, compression="snappy")

    def write(self, batch: Any) -> None:
        self._writer.write_batch(batch, row_group_size=len(batch))

    def close(self) -> None:
        self._writer.close()

    def discard(self) -> None:
        self._writer.is_open = False  # else it writes its end when it is collected


class ArrowWriter:
    def __init__(self, schema: Any, sink: IO[bytes]) -> None:
        self._writer = pa.ipc.new_stream(sink, schema)

    def write(self, batch: Any) -> None:
        self._writer.write_batch(batch)

    def close(self) -> None:
        self._writer.close()

    def discard(self) -> None:
        pass
