"""The price of a lost permission: its formula, what it is estimated from, and when nothing is charged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.reasons import Refusal
from alamo.inference import (
    Estimate,
    PermissionPrice,
    PermissionPrices,
    PriceTerms,
    cycle_dr_scores,
    not_charged,
    permission_price,
)

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
TERMS = PriceTerms(AS_OF, 0.95, 28, 0.1)
CHANNELS = {"mail": "email", "post": "letter"}


def priced(gain: float = 2.0, se: float = 0.1, p_lost: float = 0.1, p_lost_se: float = 0.01) -> PermissionPrice:
    return PermissionPrice(
        Estimate(gain, se, gain - 1.96 * se, gain + 1.96 * se, 500), p_lost, p_lost_se, 28, 0.1, 0.95
    )


def test_the_price_is_the_sum_of_the_discounted_gains_for_as_long_as_a_permission_lasts():
    days = np.arange(0.5, 365.0)
    lasts = (1 - 0.1) ** (days / 28) * np.exp(-0.1 * days / 365)
    assert priced().over(365).mean == pytest.approx(2.0 / 28 * lasts.sum(), rel=1e-4)


def test_what_lasts_for_ever_and_is_not_discounted_is_a_plain_sum():
    forever = PermissionPrice(priced().gain, 0.0, 0.0, 28, 0.0, 0.95)
    assert forever.over(280).mean == pytest.approx(20.0)
    assert forever.over(0).mean == 0.0


@pytest.mark.parametrize(("gain_se", "p_lost_se"), [(0.2, 0.0), (0.0, 0.02), (0.1, 0.01)])
def test_its_interval_holds_what_is_unsure_of_gain_and_life(gain_se, p_lost_se):
    rng = np.random.default_rng(1)
    draws = [
        priced(gain, 0.1, max(p, 1e-6)).over(365).mean
        for gain, p in zip(rng.normal(2.0, gain_se, 4000), rng.normal(0.1, p_lost_se, 4000), strict=True)
    ]
    assert priced(2.0, gain_se, 0.1, p_lost_se).over(365).se == pytest.approx(np.std(draws), rel=0.1)


def test_nothing_is_charged_before_the_gain_is_found():
    unsure = priced(gain=1.0, se=1.0)
    assert unsure.charge_money(365) == 0.0
    assert unsure.over(365).mean > 0.0
    refusal = not_charged(PermissionPrices(unsure))
    assert refusal is not None
    assert refusal.cure == "needs more cycles, about 4 times as many"
    assert not_charged(PermissionPrices(priced())) is None
    assert not_charged(PermissionPrices(unsure, {"email": priced()})) is None
    assert priced().charge_money(365) == priced().over(365).mean


def test_a_price_survives_its_dictionary():
    assert PermissionPrice.from_dict(priced().to_dict()) == priced()


@pytest.fixture
def log(loop_log):
    """One cycle in which `mail` earns 2 and one in ten who drew it takes the permission back."""
    observations = loop_log(4000, 1, 3, lift=0.1)
    rng = np.random.default_rng(4)
    mailed = np.array([action == "mail" for action in observations["action_id"].to_pylist()])
    lost = mailed & (rng.random(4000) < 0.1)
    recent = pa.array([AS_OF - timedelta(days=60)] * 4000, pa.timestamp("us", tz="UTC"))
    observations = observations.set_column(observations.column_names.index("decided_at"), "decided_at", recent)
    return observations.append_column("permission_lost", pa.array(lost))


def test_gain_and_loss_are_those_of_the_decisions_that_had_a_chance(log, ridge):
    scores = cycle_dr_scores(log, 1, ridge, salt="s")
    found = permission_price(scores, log, {}, TERMS, CHANNELS).whole
    # a third each draw mail (+2) and post (−.5)
    assert found.gain.lower < 2.0 / 3 - 0.5 / 3 < found.gain.upper
    assert found.p_lost == pytest.approx(0.1 / 3, abs=0.01)


def test_each_channel_is_priced_by_what_its_actions_bring(log, ridge):
    scores = cycle_dr_scores(log, 1, ridge, salt="s")
    found = permission_price(scores, log, {}, TERMS, CHANNELS)
    email, letter = found.by_channel["email"], found.by_channel["letter"]
    assert email.gain.lower < 2.0 / 3 < email.gain.upper
    assert letter.gain.lower < -0.5 / 3 < letter.gain.upper
    # everybody can be reached by both here, so what they bring adds up
    assert email.gain.mean + letter.gain.mean == pytest.approx(found.whole.gain.mean)
    assert letter.charge_money(365) == 0.0  # what harms is not missed
    one = permission_price(scores, log, {}, TERMS, dict.fromkeys(CHANNELS, "email"))
    assert one.by_channel["email"].gain.mean == pytest.approx(found.whole.gain.mean)
    gone = permission_price(scores, log, {}, TERMS, {"mail": "email"})
    assert set(gone.by_channel) == {"email"}
    assert gone.whole == found.whole


def test_a_channel_is_lost_by_a_word_about_it_or_about_all(log, ridge):
    scores = cycle_dr_scores(log, 1, ridge, salt="s")
    lost = np.asarray(log["permission_lost"])
    place = np.cumsum(lost) - 1
    words = [["email"], ["*"], ["letter"], None]
    said = [words[int(at) % 4] if gone else [] for at, gone in zip(place, lost, strict=True)]
    told = log.append_column("channels_lost", pa.array(said, pa.list_(pa.string())))
    found = permission_price(scores, told, {}, TERMS, CHANNELS)
    n, count = log.num_rows, int(lost.sum())
    assert found.whole.p_lost * (n + 1) - 0.5 == pytest.approx(0.5 * count, abs=1.0)  # by a word about all, or unknown
    shares = [found.by_channel[name].p_lost * (n + 1) - 0.5 for name in ("email", "letter")]
    assert shares == pytest.approx([0.75 * count] * 2, abs=1.0)
    only = permission_price(scores, told, {}, TERMS, {"mail": "email", "post": "email"})
    assert only.whole.p_lost == only.by_channel["email"].p_lost  # no other channel is left


def test_what_was_charged_already_is_put_back(log, ridge):
    lost = np.asarray(log["permission_lost"])
    outcome = np.asarray(log["outcome_money"]) - 15.0 * lost
    charged_log = log.set_column(log.column_names.index("outcome_money"), "outcome_money", pa.array(outcome))
    paid = {name: 15.0 for name, gone in zip(log["decision_id"].to_pylist(), lost, strict=True) if gone}
    before = permission_price(cycle_dr_scores(log, 1, ridge, salt="s"), log, {}, TERMS, CHANNELS)
    scores = cycle_dr_scores(charged_log, 1, ridge, salt="s")
    after = permission_price(scores, charged_log, paid, TERMS, CHANNELS)
    forgotten = permission_price(scores, charged_log, {}, TERMS, CHANNELS)
    parts = [(one.whole, one.by_channel["email"], one.by_channel["letter"]) for one in (before, after, forgotten)]
    for sound, kept, _ in zip(*parts, strict=True):
        assert kept.gain.mean == pytest.approx(sound.gain.mean, abs=3 * sound.gain.se)
    assert forgotten.whole.gain.mean < after.whole.gain.mean - 0.3  # the loss would be counted in gain and price
    assert forgotten.by_channel["email"].gain.mean < after.by_channel["email"].gain.mean - 0.3
    assert forgotten.by_channel["letter"].gain.mean == pytest.approx(after.by_channel["letter"].gain.mean)


def test_old_and_held_out_decisions_are_not_in_it(log, ridge):
    scores = cycle_dr_scores(log, 1, ridge, salt="s")
    old = PriceTerms(AS_OF + timedelta(days=400), 0.95, 28, 0.1)
    refusal = permission_price(scores, log, {}, old, CHANNELS)
    assert isinstance(refusal, Refusal)
    assert "0 decisions of the last year" in refusal.reason


def test_imported_experiments_are_not_in_it(log, ridge):
    back = log.set_column(log.column_names.index("cycle"), "cycle", pa.array(np.zeros(log.num_rows, dtype=np.int64)))
    renamed = pa.array([f"x{name}" for name in log["decision_id"].to_pylist()])
    imported = back.set_column(back.column_names.index("decision_id"), "decision_id", renamed)
    own, others = cycle_dr_scores(log, 1, ridge, salt="s"), cycle_dr_scores(imported, 0, ridge, salt="s")
    both = permission_price(pa.concat_tables([own, others]), pa.concat_tables([log, imported]), {}, TERMS, CHANNELS)
    assert both == permission_price(own, log, {}, TERMS, CHANNELS)
    assert isinstance(permission_price(others, imported, {}, TERMS, CHANNELS), Refusal)
