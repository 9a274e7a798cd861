"""Control against itself: files that are well behaved are rarely doubted, and false findings come as often as said."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.inference.conftest import Ridge

from alamo.inference import ExperimentSpec, analyze_experiment

pytestmark = pytest.mark.statistical


def test_files_that_are_well_behaved_are_rarely_doubted(n_seeds):
    reps, splits = 2 * n_seeds, 50
    false, doubted = [], 0
    for seed in range(reps):
        rng = np.random.default_rng(seed)
        arm = np.arange(1200) % 2
        table = pa.table({"arm": np.where(arm, "mail", "none"), "spend": rng.gamma(2.0, 5.0, 1200) + arm})
        spec = ExperimentSpec("arm", "none", ("spend",), features="none", aa=splits)
        (row,) = analyze_experiment(table, spec, Ridge()).placebo.rows
        false.append(row.false / splits)
        doubted += row.p_value < 0.01
    assert abs(np.mean(false) - 0.05) <= 0.01 + 3 * np.std(false) / np.sqrt(reps)
    assert doubted <= 0.015 * reps + 3 * np.sqrt(0.015 * reps)
