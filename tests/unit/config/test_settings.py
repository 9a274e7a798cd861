from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alamo.config.settings import load_settings
from alamo.domain.errors import ConfigError
from alamo.domain.settings import Settings, SimulationSettings

WHOLE = """
name = "shop"
currency = "GBP"
time_zone = "Europe/London"
salt = "pepper"
attribution = "real until yesterday"
[cycle]
days = 14
first_start = 2026-12-01
[outcome]
window_days = 21
residual_horizon_days = 161
discount_rate_per_year = 0
long_days = 182
act_on_calibrated = true
price_permissions = true
[margin]
rate = 0.4
products = { "P 1" = 0.5, p2 = 1 }
[control]
share = 0.2
universal_share = 0.05
universal_cycles = 4
[exploration]
opening_share = 0.5
cost_share = 0.02
opening_cycles = 1
floor_minimum = 0.03
[inference]
level = 0.9
planned_cycles = 12
[gate]
mode = "person"
plan_valid_days = 3
[store]
state_url = "sqlite:///here.db"
history_path = "there"
[simulation]
scenario = "shop"
seed = 7
"""


def settings_of(folder: Path, text: str) -> Settings:
    path = folder / "alamo.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


def test_a_name_is_enough_and_the_rest_keeps_the_defaults_of_the_domain(tmp_path: Path) -> None:
    assert settings_of(tmp_path, 'name = "x"') == Settings(name="x")


def test_every_key_reaches_its_setting(tmp_path: Path) -> None:
    found = settings_of(tmp_path, WHOLE)
    assert (found.currency, found.time_zone, found.salt) == ("GBP", "Europe/London", "pepper")
    assert (found.cycle_days, found.first_start) == (14, datetime(2026, 12, 1, tzinfo=UTC))
    assert (found.outcome.window_days, found.outcome.residual_horizon_days) == (21, 161)
    assert found.outcome.discount_rate_per_year == 0
    assert (found.outcome.long_days, found.outcome.act_on_calibrated, found.outcome.price_permissions) == (
        182,
        True,
        True,
    )
    assert found.margin.products == {"P 1": 0.5, "p2": 1}
    assert (found.control.share, found.control.universal_share, found.control.universal_cycles) == (0.2, 0.05, 4)
    assert (found.exploration.opening_share, found.exploration.floor_minimum) == (0.5, 0.03)
    assert found.exploration.opening_cycles == 1
    assert (found.inference.level, found.inference.planned_cycles) == (0.9, 12)
    assert (found.gate.mode, found.gate.plan_valid_days) == ("person", 3)
    assert (found.state_url, found.history_path) == ("sqlite:///here.db", "there")
    assert found.simulation == SimulationSettings("shop", 7)
    assert found.attribution == "real until yesterday"


def test_a_moment_with_an_offset_becomes_utc(tmp_path: Path) -> None:
    found = settings_of(tmp_path, 'name = "x"\n[cycle]\nfirst_start = 2026-12-01T00:00:00+02:00')
    assert found.first_start == datetime(2026, 11, 30, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "key", "told"),
    [
        ("", "name", "is missing"),
        ("name = 1", "name", "expected text, got whole number"),
        ('name = ""', "name", "length >= 1"),
        ('name = "x"\ncurency = "EUR"', "curency", "did you mean 'currency'"),
        ('name = "x"\n[cycle]\ndys = 1', "cycle.dys", "did you mean 'days'"),
        ('name = "x"\n[cycle]\ndays = 0', "cycle.days", "0 is not allowed: expected whole number >= 1"),
        ('name = "x"\n[cycle]\ndays = "28"', "cycle.days", "'28' is not allowed: expected whole number, got text"),
        ('name = "x"\n[cycle]\nfirst_start = "2026-12-01"', "cycle.first_start", "without quotes"),
        ('name = "x"\n[outcome]\ndiscount_rate_per_year = 1.5', "outcome.discount_rate_per_year", "1.5 is not allowed"),
        ('name = "x"\n[outcome]\ndiscount_rate_per_year = nan', "outcome.discount_rate_per_year", "finite"),
        ('name = "x"\n[outcome]\nlong_days = 28', "outcome.long_days", "must be above window_days, which is 28"),
        (
            'name = "x"\n[outcome]\nresidual_horizon_days = 153\nlong_days = 182',
            "outcome.residual_horizon_days",
            "must be at least 154",
        ),
        ('name = "x"\n[outcome]\nact_on_calibrated = true', "outcome.act_on_calibrated", "set long_days"),
        ('name = "x"\n[margin]\nrate = -0.1', "margin.rate", "-0.1 is not allowed"),
        ('name = "x"\n[margin.products]\np = 3', "margin.products.*", "<= 1"),
        ('name = "x"\n[control]\nshare = 0', "control.share", "> 0"),
        ('name = "x"\n[control]\nshare = 0.99', "control.share", "below 1"),
        ('name = "x"\n[exploration]\nopening_share = 2', "exploration.opening_share", "<= 1"),
        ('name = "x"\n[inference]\nlevel = 1.0', "inference.level", "< 1"),
        ('name = "x"\n[gate]\nmode = "robot"', "gate.mode", "unknown mode 'robot'"),
        ('name = "x"\n[store]\nstate_uri = "x"', "store.state_uri", "did you mean 'state_url'"),
        ('name = "x"\n[simulation]\nseed = 1', "simulation.scenario", "is missing"),
        ('name = "x"\ncurrency = "EURO"', "currency", "unknown currency 'EURO'"),
        ('name = "x"\ntime_zone = "europe/berln"', "time_zone", "did you mean 'Europe/Berlin'"),
        ('name = "x"\ntime_zone = "../x"', "time_zone", "unknown time zone"),
        ('name = "x"\noutcome = 3', "outcome", "expected table"),
    ],
)
def test_a_complaint_names_file_and_key_and_what_is_allowed(tmp_path: Path, text: str, key: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path / 'alamo.toml'}, {key}: ")
    assert told in caught.value.message
    assert caught.value.hint
    assert caught.value.details == {"file": str(tmp_path / "alamo.toml"), "key": key}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('people = ["Ann", "ann "]', "stands there twice"),
        ('people = ["ann"]\nsecond_person_above_money = 5', "takes two|take two"),
        ("people = []", "people"),
        ("second_person_above_money = -1", "second_person_above_money"),
        ("above = 5", "unknown key"),
    ],
)
def test_an_approval_that_nobody_could_give_is_refused(tmp_path, text, complaint):
    (tmp_path / "alamo.toml").write_text(f'name = "x"\n[approval]\n{text}\n')
    with pytest.raises(ConfigError, match=complaint):
        load_settings(tmp_path / "alamo.toml")
