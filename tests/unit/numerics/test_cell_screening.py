"""Screening by cells says what screening by rows says."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.numerics.cell_screening import CellDesign, difference_p_value, screen_cells
from alamo.numerics.cell_sums import CellSums
from alamo.numerics.screening import Design, arm_difference_p_value, screen_columns


def _rows(seed: int) -> tuple[dict[str, pa.ChunkedArray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n = 4000
    arm = np.minimum(rng.integers(0, 4, n), 2)
    y = np.where(rng.random(n) < 0.4, rng.exponential(5.0, n), 0.0)
    seen = rng.random(n)
    columns = {
        "town": pa.array([f"t{i}" for i in rng.integers(0, 14, n)], mask=rng.random(n) < 0.05),
        "kids": pa.array(rng.poisson(1.5, n)),
        "loyal": pa.array(rng.random(n) < 0.3),
        "clicked": pa.array((seen < 0.2) | ((arm == 1) & (seen < 0.35))),
        "opened": pa.array(np.where((arm == 2) & (seen < 0.3), "yes", np.where(seen < 0.6, "no", "maybe"))),
        "bought": pa.array((y > 0.0).astype(int)),
        "size": pa.array(np.select([y > 6.0, y > 0.0], ["large", "small"], "none")),
        "same": pa.array(["x"] * n),
        "gone": pa.nulls(n, pa.string()),
        "row_id": pa.array([f"r{i // 20}" for i in range(n)]),
    }
    return {name: pa.chunked_array([values]) for name, values in columns.items()}, arm, y


def _cells(
    columns: dict[str, pa.ChunkedArray], arm: np.ndarray, y: np.ndarray
) -> tuple[pa.Table, CellDesign, CellSums]:
    """Return the rows as cells: one per arm and combination of values."""
    table = pa.table(columns | {"arm": arm, "at": np.arange(len(arm))})
    keys = table.group_by([*columns, "arm"]).aggregate([("at", "list")])
    code = np.empty(len(arm), dtype=np.int64)
    for place, rows in enumerate(keys["at_list"].to_pylist()):
        code[rows] = place
    shares = np.bincount(arm) / len(arm)
    rows_of = np.bincount(code).astype(float)
    return keys, CellDesign(np.asarray(keys["arm"]), rows_of, shares, known=False), CellSums.of(y, code, len(rows_of))


@pytest.mark.parametrize("seed", range(6))
def test_the_same_columns_are_kept_and_dropped_for_the_same_reasons(seed):
    columns, arm, y = _rows(seed)
    by_rows = screen_columns(columns, Design(arm), {"y": y})
    keys, design, sums = _cells(columns, arm, y)
    by_cells = screen_cells({name: keys[name] for name in columns}, design, {"y": sums})
    assert by_cells.kept == by_rows.kept
    assert by_cells.dropped == by_rows.dropped
    assert {"clicked", "opened", "bought", "same", "gone", "row_id"} <= set(by_cells.dropped)
    assert {"town", "kids", "loyal"} <= set(by_cells.kept)


@pytest.mark.parametrize("known", [True, False])
def test_the_p_value_is_that_of_the_rows(known):
    rng = np.random.default_rng(3)
    arm, bin_ = np.minimum(rng.integers(0, 4, 900), 2), rng.integers(0, 5, 900)
    shares = np.array([0.25, 0.25, 0.5]) if known else np.bincount(arm) / 900
    counts = np.array([np.bincount(arm[bin_ == b], minlength=3) for b in range(5)]).astype(float)
    design = Design(arm, np.tile(shares, (900, 1)) if known else None)
    expected = arm_difference_p_value(pa.array([f"b{b}" for b in bin_]), design)
    assert difference_p_value(counts, shares, known=known) == pytest.approx(expected, rel=1e-9)
    assert 0.0 < expected < 1.0
