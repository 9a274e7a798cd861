"""The audience-file channel: one CSV or Parquet file a batch, for any sending tool, print shop or ad platform.

The file appears whole, by one rename, after its manifest: that rename is the delivery. Whoever picks files up takes
``*.csv`` (or ``*.parquet``) and finds the manifest, with the content to send, beside it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from alamo.connectors.channels.files import make_folder, put_in_place
from alamo.domain.errors import StateError, StoreError
from alamo.domain.records import DeliveryBatch
from alamo.domain.result import json_value
from alamo.domain.time import iso

Format = Literal["csv", "parquet"]
_SCHEMA = "alamo.audience/1"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_FORMULA = r"^[=+\-@\t\r]"
_PLAIN_NUMBER = r"^\+[0-9]+$"  # an E.164 phone number: a spreadsheet reads it as a number, nothing is run


@dataclass(frozen=True, slots=True)
class AudienceFileChannel:
    """Writes ``<folder>/<plan>/<action>/<batch>.<format>`` and its manifest; implements the port `Channel`.

    Attributes
    ----------
    name
        The channel's name, as in ``actions/*.toml``.
    folder
        Where the files go; made where missing.
    format
        ``"csv"`` (UTF-8, header, cells that a spreadsheet would run as formulas neutralised by ``'``) or ``"parquet"``.
    """

    name: str
    folder: Path
    format: Format = "csv"

    def delivered(self, batch: DeliveryBatch) -> bool:
        """Say whether the file of the batch is in place whole."""
        return _written(self._path(batch)) is not None

    def deliver(self, batch: DeliveryBatch) -> Mapping[str, tuple[str, str | None]]:
        """Write the batch and return decision id → (``sent``, file name); a batch already written stays as it is.

        Raises
        ------
        StateError
            If the batch was written with other decisions, or an id cannot name a file.
        StoreError
            If the file cannot be written; the same call may then be repeated.
        """
        decisions = batch.rows.column("decision_id").to_pylist()
        if not decisions:
            return {}
        path = self._path(batch)
        try:
            written = _written(path)
            if written is None:
                self._write(path, batch, decisions)
            elif written["decisions_sha256"] != _hash_of(decisions):
                raise _other_decisions(path, batch.batch_id)
        except OSError as error:
            raise _unwritable(path, error) from error
        return dict.fromkeys(decisions, ("sent", path.relative_to(self.folder).as_posix()))

    def _path(self, batch: DeliveryBatch) -> Path:
        for part in (batch.plan_id, batch.action_id, batch.batch_id):
            if not _SAFE_NAME.fullmatch(part):
                raise StateError(
                    f"{part!r} cannot name an audience file",
                    hint="Ids of actions and plans are letters, digits, '-', '_' and '.'; see actions/*.toml.",
                    code="channel.file_name",
                    details={"id": part},
                )
        return self.folder / batch.plan_id / batch.action_id / f"{batch.batch_id}.{self.format}"

    def _write(self, path: Path, batch: DeliveryBatch, decisions: list[str]) -> None:
        content = _as_csv(batch.rows) if self.format == "csv" else _as_parquet(batch.rows)
        manifest = {
            "schema": _SCHEMA,
            "file": path.name,
            "format": self.format,
            "sha256": hashlib.sha256(content).hexdigest(),
            "decisions_sha256": _hash_of(decisions),
            "rows": len(decisions),
            "columns": batch.rows.column_names,
            "batch": batch.batch_id,
            "plan": batch.plan_id,
            "cycle": batch.cycle,
            "action": batch.action_id,
            "channel": batch.channel,
            "content": json_value(batch.content),
            "decided_at": iso(batch.decided_at),
        }
        make_folder(path.parent)
        put_in_place(_manifest(path), json.dumps(manifest, indent=1, ensure_ascii=False).encode())
        put_in_place(path, content)  # last: its appearance is the delivery


def _written(path: Path) -> dict[str, Any] | None:
    """Return the manifest of a batch that is in place whole, else None."""
    try:
        content, manifest = path.read_bytes(), json.loads(_manifest(path).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return manifest if manifest.get("sha256") == hashlib.sha256(content).hexdigest() else None


def _manifest(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def _hash_of(decisions: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(decisions)).encode()).hexdigest()


def _as_csv(rows: pa.Table) -> bytes:
    shown = pa.table({name: _shown(rows.column(name)) for name in rows.column_names})
    sink = io.BytesIO()
    pa_csv.write_csv(shown, sink, pa_csv.WriteOptions(include_header=True))
    return sink.getvalue()


def _as_parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink, compression="zstd")
    return sink.getvalue()


def _shown(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column as CSV shows it: moments in ISO 8601 UTC, text that a spreadsheet would run behind a ``'``."""
    if pa.types.is_timestamp(values.type):
        return pc.strftime(values.cast(pa.timestamp("s", tz="UTC"), safe=False), format="%Y-%m-%dT%H:%M:%SZ")
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        return values
    risky = pc.and_not(pc.match_substring_regex(values, _FORMULA), pc.match_substring_regex(values, _PLAIN_NUMBER))
    return pc.if_else(risky, pc.binary_join_element_wise(pa.scalar("'", values.type), values, ""), values)


def _other_decisions(path: Path, batch_id: str) -> StateError:
    return StateError(
        f"batch {batch_id!r} is already in {path} with other decisions",
        hint="That file is of another launch. Move it away if it was never used, then: alamo plan launch",
        code="channel.batch_changed",
        details={"batch": batch_id, "path": str(path)},
    )


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"the audience file {path} cannot be written: {error.strerror or error}",
        hint="Nothing was sent. Free the disk or mend the permissions, then go on with: alamo plan launch",
        code="channel.disk",
        details={"path": str(path)},
    )
