"""Whoever counts the cells of an experiment, the effects are those of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alamo.domain.errors import InputError, UsageError
from alamo.domain.ports import Warehouse
from alamo.inference import (
    ExperimentCells,
    ExperimentResult,
    ExperimentSpec,
    Guardrail,
    analyze_experiment,
    effects_of_cells,
    scan_experiment,
)
from alamo.store import DeltaHistory, MemoryHistory, RowFiles

SPEC = ExperimentSpec(
    "arm",
    "none",
    ("spend", "visit"),
    costs={"mail": 0.5},
    features="none",
    segments=("place", "kids"),
    shares={"none": 3, "mail": 1, "post": 1},
)


class _Nobody:
    def fit(self, *_: object) -> object:
        raise AssertionError("sums need no outcome model")


class _Shown:
    """A store that is shown a table as a relation."""

    def __init__(self, store: Warehouse, table: pa.Table) -> None:
        self._store, self._table = store, table

    def query(self, sql: str, parameters: object = None, relations: object = None) -> pa.Table:
        assert parameters is None
        assert relations is None
        return self._store.query(sql, relations={"rows": self._table})


Open = Callable[[pa.Table], Warehouse]


@pytest.fixture(params=["memory", "delta", "file", "folder"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    opened: list[MemoryHistory | DeltaHistory | RowFiles] = []

    def opens(table: pa.Table) -> Warehouse:
        if request.param in ("memory", "delta"):
            memory = request.param == "memory"
            store = MemoryHistory(threads=1) if memory else DeltaHistory(tmp_path / "history", threads=1)
            opened.append(store)
            return _Shown(store, table)
        parts = [table] if request.param == "file" else [table.slice(i, 700) for i in range(0, table.num_rows, 700)]
        files = [tmp_path / f"it's day {i}.parquet" for i in range(len(parts))]
        for file, part in zip(files, parts, strict=True):
            pq.write_table(part, file)
        opened.append(RowFiles(files, threads=1))
        return opened[-1]

    yield opens
    for store in opened:
        store.close()


def _table(n: int = 5000) -> pa.Table:
    rng = np.random.default_rng(4)
    place, arm = rng.integers(0, 9, n), np.maximum(rng.integers(0, 5, n) - 2, 0)
    spend = np.where(rng.random(n) < 0.1 + 0.02 * place, 1e6 + rng.normal(0.0, 5.0, n).round(2), 1e6 - 3.0)
    return pa.table(
        {
            "arm": pa.array(np.array(["none", "mail", "post"])[arm], mask=rng.random(n) < 0.01),
            "place": pa.array(np.char.add("p", place.astype(str)), mask=rng.random(n) < 0.02),
            "kids": pa.array(rng.integers(0, 3, n)),
            "clicked": pa.array(np.where((arm == 1) & (rng.random(n) < 0.5), "yes", "no")),
            "spend": pa.array(spend, mask=rng.random(n) < 0.03),
            "visit": pa.array(rng.random(n) < 0.3 + 0.1 * (arm == 1)),
            "row": pa.array([f"r{i}" for i in range(n)]),
            "height": rng.normal(size=n),
        }
    )


def _check_same(found: ExperimentResult, expected: ExperimentResult) -> None:
    assert len(found.rows) == len(expected.rows) > 2
    for one, other in zip(found.records(), expected.records(), strict=True):
        for key, value in other.items():
            # outcomes of a million carry a rounding of 1e-10 each, however their mean is taken
            near = pytest.approx(value, rel=1e-9, abs=1e-9) if isinstance(value, float) else value
            assert one[key] == near, (other, key)
    assert [(r.what.split(" (row")[0], r.reason, r.cure) for r in found.refusals] == [
        (r.what.split(" (row")[0], r.reason, r.cure) for r in expected.refusals
    ]
    assert (found.counts, found.units) == (expected.counts, expected.units)
    assert found.ratio_p_value == pytest.approx(expected.ratio_p_value)
    assert found.variance_removed == pytest.approx(expected.variance_removed)


@pytest.mark.parametrize(
    "spec",
    [
        SPEC,
        replace(SPEC, segments="none"),
        replace(SPEC, segments=("place", "clicked"), shares={}),
        replace(SPEC, propensity=0.2, shares={}, level=0.9, planned=50_000),
        replace(SPEC, shares={"none": 1, "mail": 1, "post": 1}),
    ],
    ids=["segments", "pooled", "leaking segment", "given propensity", "ratio mismatch"],
)
def test_the_answer_is_that_of_the_rows_refusals_included(warehouse: Open, spec: ExperimentSpec) -> None:
    table = _table()
    cells = scan_experiment(warehouse(table), "rows", spec)
    assert cells is not None
    found, expected = effects_of_cells(cells, spec), analyze_experiment(table, spec, _Nobody())
    if spec.shares == {"none": 1, "mail": 1, "post": 1}:
        assert found.rows == expected.rows == ()
        assert found.refusals[-1] == expected.refusals[-1]
        return
    _check_same(found, expected)


def test_days_counted_apart_merge_to_the_whole(warehouse: Open) -> None:
    table = _table()
    whole = scan_experiment(warehouse(table), "rows", SPEC)
    with_memory = MemoryHistory(threads=1)
    days = [scan_experiment(_Shown(with_memory, table.slice(i, 1000)), "rows", SPEC) for i in range(0, 5000, 1000)]
    with_memory.close()
    assert whole is not None
    merged = ExperimentCells.merged([day for day in (days[3], days[0], days[4], days[1], days[2]) if day is not None])
    assert len(merged.rows) == len(whole.rows)
    _check_same(effects_of_cells(merged, SPEC), effects_of_cells(whole, SPEC))


def test_cents_on_a_million_are_kept(warehouse: Open) -> None:
    rng = np.random.default_rng(5)
    arm = rng.integers(0, 2, 20_000)
    spend = np.round(1e6 + 0.01 * rng.integers(-1, 2, 20_000) + 0.01 * arm, 2)
    table = pa.table({"arm": np.array(["none", "mail"])[arm], "spend": spend})
    spec = ExperimentSpec("arm", "none", ("spend",), features="none")
    cells = scan_experiment(warehouse(table), "rows", spec)
    assert cells is not None
    row = effects_of_cells(cells, spec).rows[0]
    parts = [spend[arm == a] - 1e6 for a in (1, 0)]
    assert row.mean == pytest.approx(parts[0].mean() - parts[1].mean(), rel=1e-6)
    centred = sum(((part - part.mean()) ** 2).sum() / (len(part) / 20_000) ** 2 for part in parts)
    assert row.se == pytest.approx(np.sqrt(centred / 19_999 / 20_000), rel=1e-6)


@pytest.mark.parametrize(
    "changed",
    [
        {"features": "auto"},
        {"segments": "auto"},
        {"segments": ("height",)},
        {"segments": ("row",)},
        {"segments": ("found",)},
        {"unit": "row"},
        {"cluster": "place"},
        {"propensity": "height"},
        {"outcomes": ("spend/visit",)},
        {"time": "height"},
        {"winsorise": 0.99},
        {"guardrails": {"kids": Guardrail("down")}},
        {"outcomes": ("place",)},
    ],
    ids=str,
)
def test_what_only_rows_can_answer_is_left_to_them(warehouse: Open, changed: dict[str, object]) -> None:
    assert scan_experiment(warehouse(_table(20_000)), "rows", replace(SPEC, **changed)) is None


def test_a_wrong_column_and_an_empty_table_are_refused(warehouse: Open) -> None:
    rows = warehouse(_table(2000))
    with pytest.raises(UsageError, match="no column 'spent'"):
        scan_experiment(rows, "rows", replace(SPEC, outcomes=("spent",)))
    with pytest.raises(InputError, match="no rows"):
        scan_experiment(rows, "(SELECT * FROM rows LIMIT 0)", SPEC)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pq.write_table(_table(), whole)
    (tmp_path / "cut.parquet").write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"cut\.parquet: the rows cannot be counted"):
        RowFiles([tmp_path / "cut.parquet"])
