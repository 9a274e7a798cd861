"""What a worker refuses is said by the driver in the same words."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from alamo.domain.errors import MissingExtraError
from alamo.spark.work import Scoring, as_error

COLUMN = pa.schema([("customer_id", pa.string())])


def lacks(profiles, segments):
    raise MissingExtraError(
        "this worker lacks LightGBM",
        hint="pip install it there",
        code="x.y",
        details={"at": datetime(2026, 1, 5, tzinfo=UTC)},
    )


def test_a_refusal_while_scoring_comes_back_as_a_row_and_becomes_the_same_error(tmp_path):
    rows = Scoring(lacks, (COLUMN, COLUMN), str(tmp_path)).score(3, COLUMN.empty_table(), COLUMN.empty_table())
    (row,) = rows.to_pylist()
    assert (row["part"], row["rows"], row["path"]) == (3, 0, None)
    error = as_error(row["refusal"])
    with pytest.raises(MissingExtraError, match="lacks LightGBM"):
        raise error
    assert (error.hint, error.code) == ("pip install it there", "x.y")
    assert not list(tmp_path.iterdir())
