"""Runs one SELECT on an in-memory DuckDB connection that can see nothing but what it was shown."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from alamo.domain.errors import AlamoError, StoreError, UsageError
from alamo.domain.tables import CONTRACTS

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_CURSOR_IS_CHEAPER = int(duckdb.__version__.split(".", maxsplit=1)[0]) < 2
"""DuckDB 1 stores the rows of a parametrised relation as Python objects; DuckDB 2 copies those of a cursor."""


class SqlEngine:
    """A connection that names the tables of the historical half as views.

    SQL comes from the rooms and, as predicates, from project files. It therefore may not open files outside
    `folder`, write any, change settings, or see the variables of the program.

    Parameters
    ----------
    folder
        The only folder files may be read from; `None`: no file at all.
    spill
        Folder for what does not fit into memory.
    memory_limit
        Such as ``"1GB"``; `None`: DuckDB's default (80 % of the machine).
    threads
        `None`: as many as there are CPUs.
    """

    def __init__(
        self, *, folder: Path | None = None, spill: Path, memory_limit: str | None = None, threads: int | None = None
    ) -> None:
        self._connection = duckdb.connect(":memory:")
        self._shown: set[str] = set()
        settings: dict[str, Any] = {
            "TimeZone": "UTC",
            "threads": threads or os.cpu_count() or 1,
            "temp_directory": str(spill),
            "enable_progress_bar": False,  # it would be printed among the answers on stdout
            "python_enable_replacements": False,
            "allowed_directories": [] if folder is None else [f"{folder}/"],
            "enable_external_access": False,
        }
        if memory_limit:
            settings["memory_limit"] = memory_limit
        for name, value in settings.items():
            self._connection.execute(f"SET {name} = {_literal(value)}")
        self._connection.execute("SET lock_configuration = true")

    def show_arrow(self, name: str, data: pa.Table) -> None:
        """Show `data` under `name`."""
        self._hide(name)
        self._connection.register(name, data)
        self._shown.add(name)

    def show_files(self, name: str, files: Sequence[Path], schema: pa.Schema, partition: Sequence[str]) -> None:
        """Show Parquet files in Hive layout under `name`, with the columns of `schema` in that order.

        A nullable column that none of the files has is null: they were written before the table was given it.
        """
        self._hide(name)
        types = ", ".join(f"{_quoted(column)}: {_hive_type(schema.field(column).type)}" for column in partition)
        source = (
            f"FROM read_parquet({_literal([str(file) for file in files])}, union_by_name = true, "
            f"hive_partitioning = true, hive_types = {{{types}}})"
        )
        view = f"CREATE OR REPLACE VIEW {_quoted(name)} AS SELECT"
        try:
            self._connection.execute(f"{view} {', '.join(map(_quoted, schema.names))} {source}")
        except duckdb.BinderException:
            self._connection.execute(f"{view} {self._with_nulls(schema, source)} {source}")

    def show_parquet(self, name: str, files: Sequence[Path]) -> None:
        """Show the rows of Parquet files under `name`, with the columns that any of them has."""
        self._hide(name)
        source = f"read_parquet({_literal([str(f) for f in files])}, union_by_name = true, hive_partitioning = false)"
        view = f"CREATE OR REPLACE VIEW {_quoted(name)} AS SELECT * FROM {source}"
        with _translated(view):
            self._connection.execute(view)

    def select(
        self, sql: str, parameters: Mapping[str, Any] | None = None, relations: Mapping[str, pa.Table] | None = None
    ) -> pa.Table:
        """Run one SELECT and return its rows.

        Raises
        ------
        UsageError
            If `sql` is not one SELECT, cannot be bound, or fails on a value.
        StoreError
            If memory or the disk does not suffice.
        """
        with _translated(sql), self._with_relations(relations or {}):
            statements = self._connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise _bad_sql("is not one SELECT", sql)
            return self._run(sql, dict(parameters) if parameters else None)

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _with_nulls(self, schema: pa.Schema, source: str) -> str:
        """Return what to select so that nullable columns the source lacks are there, null and of their type."""
        found = {row[0] for row in self._connection.execute(f"DESCRIBE SELECT * {source}").fetchall()}
        types = self._connection.from_arrow(schema.empty_table()).types
        return ", ".join(
            _quoted(field.name)
            if field.name in found or not field.nullable
            else f"CAST(NULL AS {kind}) AS {_quoted(field.name)}"
            for field, kind in zip(schema, types, strict=True)
        )

    def _run(self, sql: str, parameters: dict[str, Any] | None) -> pa.Table:
        if _CURSOR_IS_CHEAPER:
            return self._connection.execute(sql, parameters).to_arrow_table()
        return self._connection.sql(sql, params=parameters).to_arrow_table()

    @contextmanager
    def _with_relations(self, relations: Mapping[str, pa.Table]) -> Iterator[None]:
        for name in relations:
            if not _NAME.fullmatch(name) or name in CONTRACTS:
                raise UsageError(
                    f"{name!r} cannot name a relation: it must be a plain word that is not a table of the history",
                    hint=f"Tables of the history are {', '.join(CONTRACTS)}.",
                    code="store.relation_name",
                    details={"relation": name},
                )
        try:
            for name, data in relations.items():
                self._connection.register(name, data)
            yield
        finally:
            for name in relations:
                self._connection.unregister(name)

    def _hide(self, name: str) -> None:
        if name in self._shown:
            self._connection.unregister(name)
            self._shown.discard(name)


@contextmanager
def _translated(sql: str) -> Iterator[None]:
    try:
        yield
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError, duckdb.PermissionException) as error:
        raise _bad_sql(f"cannot be run: {_first_line(error)}", sql) from error
    except duckdb.Error as error:
        raise StoreError(
            f"the query failed: {_first_line(error)}",
            hint="If memory or disk ran out, free some; otherwise look at what is wrong with: alamo doctor",
            code="store.query_failed",
            details={"sql": sql},
        ) from error


def _bad_sql(complaint: str, sql: str) -> AlamoError:
    shown = " ".join(sql.split())
    return UsageError(
        f"SQL {complaint}, in: {shown[:200]}{'…' if len(shown) > 200 else ''}",
        hint="Predicates are over the columns of `profiles`: see `eligible` in actions/*.toml, `where` in limits.toml.",
        code="store.bad_sql",
        details={"sql": sql},
    )


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0]


def _hive_type(found: pa.DataType) -> str:
    return "BIGINT" if pa.types.is_integer(found) else "VARCHAR"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: object) -> str:
    shown: dict[type, Callable[[Any], str]] = {
        bool: lambda v: "true" if v else "false",
        int: str,
        str: lambda v: "'" + v.replace("'", "''") + "'",
        list: lambda v: "[" + ", ".join(map(_literal, v)) + "]",
    }
    return shown[type(value)](value)
