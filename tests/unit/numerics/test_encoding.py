from __future__ import annotations

import json
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from alamo.numerics.encoding import MAX_LEVELS, FeatureEncoder


def _table(n: int = 400) -> pa.Table:
    rng = np.random.default_rng(1)
    return pa.table(
        {
            "money": pa.array(np.exp(rng.normal(3, 1.5, n)), mask=np.arange(n) % 10 == 0),
            "age": rng.normal(40, 10, n),
            "flag": pa.array((np.arange(n) % 3 == 0).tolist()),
            "town": [f"t{int(i)}" for i in np.minimum(rng.geometric(0.2, n), 20)],
            "day": [date(2020, 1, 1 + int(i) % 28) for i in range(n)],
            "same": np.ones(n),
        }
    )


def test_numbers_stay_as_they_are_and_missing_ones_stay_nan():
    table = _table()
    encoder = FeatureEncoder.fit(table, ["money", "age"])
    matrix = encoder.transform(table)
    assert encoder.names == ("money", "asinh(money)", "age")
    assert np.isnan(matrix[::10, :2]).all()
    assert np.array_equal(matrix[:, 2], table["age"].to_numpy())


def test_text_becomes_its_frequent_levels_and_other():
    table = _table()
    encoder = FeatureEncoder.fit(table, ["town"])
    assert len(encoder.names) == MAX_LEVELS + 1
    matrix = encoder.transform(table)
    assert (matrix.sum(axis=1) == 1).all()
    unseen = encoder.transform(pa.table({"town": ["nowhere", None]}))
    assert unseen[:, -1].tolist() == [1.0, 1.0]


def test_a_column_that_never_varies_is_left_out():
    assert FeatureEncoder.fit(_table(), ["same"]).names == ()


def test_a_linear_encoding_is_standardised_complete_and_marks_what_was_missing():
    table = _table()
    encoder = FeatureEncoder.fit(table, ["money", "age", "flag", "town", "day"], linear=True)
    matrix = encoder.transform(table)
    assert np.isfinite(matrix).all()
    assert "money missing" in encoder.names
    assert np.allclose(matrix.mean(axis=0), 0, atol=0.05)


def test_dates_are_days_since_1970():
    table = pa.table({"day": [date(1970, 1, 3), date(1970, 1, 2)]})
    assert FeatureEncoder.fit(table, ["day"]).transform(table)[:, 0].tolist() == [2.0, 1.0]
    stamps = table.set_column(0, "day", table["day"].cast(pa.timestamp("ms", tz="UTC")))
    assert FeatureEncoder.fit(stamps, ["day"]).transform(stamps)[:, 0].tolist() == [2.0, 1.0]


@pytest.mark.parametrize("linear", [False, True])
def test_an_encoder_survives_json(linear: bool):
    table = _table()
    encoder = FeatureEncoder.fit(table, ["money", "flag", "town"], linear=linear)
    again = FeatureEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    assert np.array_equal(again.transform(table), encoder.transform(table), equal_nan=True)


def test_a_list_column_is_refused():
    with pytest.raises(TypeError, match="neither a number"):
        FeatureEncoder.fit(pa.table({"x": [[1], [2]]}), ["x"])
