"""One table of the historical half in memory: parts in the order written, repetitive text packed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.contracts import Contract
from alamo.store.door import Where

_TO_JUDGE = 1_000
"""Rows a part needs to show whether a column repeats itself."""
_REPEATS = 4
"""Rows per distinct value from which a text column is packed."""
_WORD = pa.dictionary(pa.int32(), pa.string())
_PACKED = {pa.string(): _WORD, pa.list_(pa.string()): pa.list_(_WORD)}
"""How a type is held where its text repeats itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows written at once, and the partitions they belong to."""

    data: pa.Table
    partitions: frozenset[tuple[Any, ...]]


@dataclass(slots=True)
class HeldTable:
    """Parts, columns and known batches of one table.

    A text column that repeats itself (an action, a model's version) is held as a dictionary and codes: DuckDB reads
    that as text, and it takes a fraction of the memory. Rows are copied on the way in, into one piece of memory of
    their size: pieces left among those of queries would keep all of that memory from being given back.

    Attributes
    ----------
    contract
        Of the table.
    parts
        In the order written.
    batches
        Keys of the batches written.
    schema
        Columns as they were handed in.
    """

    contract: Contract
    parts: list[Part] = field(default_factory=list)
    batches: set[str] = field(default_factory=set)
    schema: pa.Schema = None
    _judged: set[str] = field(default_factory=set)
    _packed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.schema = self.contract.schema

    def add(self, chunks: Sequence[pa.Table]) -> None:
        """Append checked rows."""
        for data in chunks:
            new = [f for f in data.schema if f.name not in self.schema.names]
            self.schema = pa.schema([*self.schema, *new])
            if data.num_rows:
                partitions = _partitions(data, self.contract.partition)
                self._judge(data)
                self.parts.append(Part(_in_one_piece(_pack(data, self._packed)), partitions))

    def drop(self, where: Where) -> None:
        """Remove the rows of a partition."""
        gone = tuple(where[name] for name in self.contract.partition)
        kept = []
        for part in self.parts:
            if gone not in part.partitions:
                kept.append(part)
            elif len(part.partitions) > 1:
                mask = pc.invert(_is_in(part.data, where))
                kept.append(Part(part.data.filter(mask), part.partitions - {gone}))
        self.parts = kept

    def rows(self) -> pa.Table:
        """Return all rows, packed columns as dictionaries; nothing is copied."""
        fields = [f.with_type(_PACKED[f.type]) if f.name in self._packed else f for f in self.schema]
        return pa.concat_tables(
            [pa.schema(fields).empty_table(), *(part.data for part in self.parts)], promote_options="default"
        )

    def _judge(self, data: pa.Table) -> None:
        """Decide about the text columns not seen in a large part before; what was written earlier follows."""
        if data.num_rows < _TO_JUDGE:
            return
        fresh = [f.name for f in data.schema if f.type in _PACKED and f.name not in self._judged]
        found = {name for name in fresh if _repeats(data[name])}
        self._judged.update(fresh)
        self._packed |= found
        if found:
            self.parts = [Part(_in_one_piece(_pack(part.data, found)), part.partitions) for part in self.parts]


def _repeats(column: pa.ChunkedArray) -> bool:
    words = column if pa.types.is_string(column.type) else pc.list_flatten(column)
    return bool(pc.count_distinct(words).as_py() * _REPEATS <= len(words))


def _pack(data: pa.Table, names: set[str]) -> pa.Table:
    for index, column in enumerate(data.schema):
        if column.name in names and column.type in _PACKED:
            packed = _packed_column(data.column(index).combine_chunks())
            data = data.set_column(index, column.with_type(packed.type), packed)
    return data


def _packed_column(values: pa.Array) -> pa.Array:
    if pa.types.is_string(values.type):
        return values.dictionary_encode()
    words = values.flatten().dictionary_encode()
    ends = np.cumsum(pc.fill_null(pc.list_value_length(values), 0).to_numpy(), dtype=np.int64)
    offsets = pa.array(np.concatenate([[0], ends]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, words, mask=values.is_null() if values.null_count else None)


def _in_one_piece(data: pa.Table) -> pa.Table:
    size = pa.MockOutputStream()
    with pa.ipc.new_stream(size, data.schema) as writer:
        writer.write_table(data)
    buffer = pa.allocate_buffer(size.size())
    with pa.ipc.new_stream(pa.FixedSizeBufferWriter(buffer), data.schema) as writer:
        writer.write_table(data)
    return pa.ipc.open_stream(buffer).read_all()


def _partitions(data: pa.Table, names: tuple[str, ...]) -> frozenset[tuple[Any, ...]]:
    found = data.select(list(names)).group_by(list(names), use_threads=False).aggregate([])
    return frozenset(zip(*(found.column(name).to_pylist() for name in names), strict=True))


def _is_in(data: pa.Table, where: Where) -> pa.ChunkedArray:
    masks = [pc.equal(data.column(name), value) for name, value in where.items()]
    result = masks[0]
    for mask in masks[1:]:
        result = pc.and_(result, mask)
    return result
