"""The world on disk: what a killed process needs to go on exactly where it stopped.

Every file is written under a temporary name, flushed, and renamed; ``world.json`` names the cycle and is written last,
so files of an unfinished cycle are simply written again.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alamo.domain.errors import StateError
from alamo.simulation.population import Population
from alamo.simulation.purchases import Latents, Purchases
from alamo.simulation.state import MarketState


@dataclass(frozen=True, slots=True)
class WorldFolder:
    """A folder that holds one simulated world."""

    path: Path

    @property
    def begun(self) -> bool:
        """Whether the folder holds a world."""
        return (self.path / "world.json").exists()

    def cycle(self, identity: str) -> int | None:
        """Return the cycle the world stands in, None for a new world.

        Raises
        ------
        StateError
            If the folder holds a world of another scenario, seed or start.
        """
        head = self.path / "world.json"
        if not head.exists():
            return None
        found = json.loads(head.read_text(encoding="utf-8"))
        if found["identity"] != identity:
            raise StateError(
                f"{self.path} holds a simulated world of another scenario, seed or start",
                hint="The market of a project cannot be exchanged while it runs. Begin a new one: alamo init DIR",
                code="simulation.other_world",
                details={"path": str(self.path)},
            )
        return int(found["cycle"])

    def set_cycle(self, cycle: int, identity: str) -> None:
        """Record the cycle the world stands in: the last write of a step forward."""
        self._write("world.json", json.dumps({"cycle": cycle, "identity": identity}).encode())

    def write_state(self, cycle: int, state: MarketState) -> None:
        """Keep the state at the start of `cycle`."""
        self._write(f"state-{cycle}.npz", _npz(state.to_arrays()))

    def read_state(self, cycle: int) -> MarketState:
        """Return the state at the start of `cycle`."""
        with np.load(self.path / f"state-{cycle}.npz", allow_pickle=False) as arrays:
            return MarketState.from_arrays(dict(arrays))

    def write_events(self, cycle: int, events: pa.Table) -> None:
        """Keep the events of a played cycle (0 = before the start)."""
        self._write_table(f"events-{cycle}.parquet", events)

    def read_events(self, cycle: int) -> pa.Table:
        """Return the events of a played cycle."""
        return pq.read_table(self.path / f"events-{cycle}.parquet")

    def write_delivery(self, cycle: int, batch_id: str, rows: pa.Table) -> None:
        """Keep one delivered batch before its receipt is given."""
        name = blake2b(batch_id.encode(), digest_size=16).hexdigest()
        self._write_table(f"delivered-{cycle}/{name}.parquet", rows)

    def read_deliveries(self, cycle: int) -> list[pa.Table]:
        """Return the batches delivered in `cycle`."""
        return [pq.read_table(file) for file in sorted((self.path / f"delivered-{cycle}").glob("*.parquet"))]

    def write_population(self, population: Population) -> None:
        """Keep the customers and their latents."""
        arrays = {f"latents_{f.name}": np.asarray(getattr(population.latents, f.name)) for f in fields(Latents)}
        arrays |= {f"history_{f.name}": getattr(population.history, f.name) for f in fields(Purchases)}
        arrays |= {
            "ids": np.array(population.ids, dtype=np.str_),
            "countries": np.array([country or "" for country in population.countries], dtype=np.str_),
            "categories": np.array(population.categories, dtype=np.str_),
            "alive": population.alive,
            "known": np.array(population.known),
        }
        self._write("population.npz", _npz(arrays))

    def read_population(self) -> Population | None:
        """Return the customers kept, None for a new world."""
        file = self.path / "population.npz"
        if not file.exists():
            return None
        with np.load(file, allow_pickle=False) as data:
            arrays = dict(data)
        latents = {f.name: arrays[f"latents_{f.name}"] for f in fields(Latents)}
        latents["order_noise"] = float(latents["order_noise"])
        return Population(
            ids=tuple(arrays["ids"].tolist()),
            countries=tuple(country or None for country in arrays["countries"].tolist()),
            categories=tuple(arrays["categories"].tolist()),
            latents=Latents(**latents),
            alive=arrays["alive"],
            history=Purchases(**{f.name: arrays[f"history_{f.name}"] for f in fields(Purchases)}),
            known=bool(arrays["known"]),
        )

    def _write_table(self, name: str, table: pa.Table) -> None:
        sink = io.BytesIO()
        pq.write_table(table, sink, compression="zstd")
        self._write(name, sink.getvalue())

    def _write(self, name: str, content: bytes) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    sink = io.BytesIO()
    np.savez_compressed(sink, allow_pickle=False, **arrays)
    return sink.getvalue()
