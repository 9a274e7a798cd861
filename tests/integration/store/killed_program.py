"""The program that `test_kill` kills: it writes a history, or launches deliveries, and says what is acknowledged.

The call `target` kills the process, ``before`` or ``after`` doing its work, once `let_pass` calls have passed. Nothing
of this is in the product: calls are wrapped here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake.table
import pyarrow as pa
import sqlalchemy

import alamo.store.parquet
from alamo.connectors.channels import AudienceFileChannel
from alamo.domain.records import DeliveryBatch, LedgerRow
from alamo.store import DeltaHistory, SqliteState
from alamo.store.ledger import SqlDeliveryLedger
from alamo.testing import sample_rows

ROWS = 2_000
BATCH = 250
_NOW = datetime(2026, 1, 1, tzinfo=UTC)

Say = Callable[[str], object]
Work = Callable[[Path, Say], None]


def write_history(root: Path, say: Say) -> None:
    """Append six batches of two sources, then replace each source by ten rows."""
    history = DeltaHistory(root / "history", threads=1)
    for i in range(6):
        data = sample_rows("events", 50, first=i * 50, source=["a", "b"] * 25)
        history.append("events", data, batch=str(i))
        say(f"appended {i}")
    for name in ("a", "b"):
        data = sample_rows("events", 10, first=ord(name) * 1000, source=name)
        history.replace("events", data, where={"source": name}, batch=f"replace-{name}")
        say(f"replaced {name}")
    history.close()


def compact(root: Path, say: Say) -> None:
    """Append thirty batches of one row, then merge their files."""
    history = DeltaHistory(root / "history", threads=1)
    for i in range(30):
        history.append("events", sample_rows("events", 1, first=i), batch=str(i))
    history.compact("events")
    say("compacted")
    history.close()


def launch(root: Path, say: Say) -> None:
    """Reserve, deliver and settle as the engine does."""
    state = SqliteState(f"sqlite:///{root}/state.db")
    channel = AudienceFileChannel("email", root / "out")
    for start in range(0, ROWS, BATCH):
        batch_id = f"batch-{start // BATCH:03}"
        numbers = range(start, start + BATCH)
        state.ledger.reserve([LedgerRow(f"d-{i:06}", "plan", batch_id, f"c-{i}", "mail", "email", 10) for i in numbers])
        say(f"reserved {batch_id}")
    for batch_id in state.ledger.open_batches("plan"):
        rows = [row for row in state.ledger.batch(batch_id) if row.state == "reserved"]
        table = pa.table({"decision_id": [r.decision_id for r in rows], "customer_id": [r.customer_id for r in rows]})
        receipts = channel.deliver(DeliveryBatch(batch_id, "plan", 1, "mail", "email", {}, _NOW, table))
        state.ledger.settle(batch_id, receipts, at=_NOW)
        say(f"settled {batch_id}")
    state.close()


def _target(name: str) -> tuple[Any, str]:
    """Return the object and the attribute of the call to be killed in."""
    if name in {"create", "create_write_transaction", "compact", "vacuum"}:
        return (deltalake.table.TableOptimizer if name == "compact" else deltalake.DeltaTable), name
    if name == "sync_file":
        return alamo.store.parquet, name
    if name == "deliver":
        return AudienceFileChannel, name
    if name == "execute":
        return sqlalchemy.Connection, name
    if name in {"reserve", "settle"}:
        return SqlDeliveryLedger, name
    return {"fsync": os, "replace": Path}[name], name


def _arm(name: str, let_pass: int, side: str) -> None:
    owner, attribute = _target(name)
    real, calls = getattr(owner, attribute), 0

    def deadly(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > let_pass and side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*args, **kwargs)
        if calls > let_pass:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, attribute, deadly)


def die_in(work: Work, folder: Path, target: str, let_pass: int, side: str) -> None:
    """Do `work` in `folder` until the call `target` kills this process; what is acknowledged stands in ``said``."""
    _arm(target, let_pass, side)
    said = os.open(folder / "said", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    work(folder, lambda line: os.write(said, f"{line}\n".encode()))
