from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from alamo.config import LimitsFile, load_limits
from alamo.domain.action import Action, ContactCap, ContactPolicy, Exclusion, Limit, QuietHours, Spacing
from alamo.domain.errors import ConfigError

ACTIONS = (Action("spring-mail", "Mail", "email", "upsell"), Action("spring-post", "Post", "post", "upsell"))

# the example of the interfaces, word for word
EXAMPLE = """
[[limit]]
name = "e-mail budget"      # the key: prices, warm starts and messages use it
use = "cost"                # "count", or a money/number column of the values
actions = ["spring-mail"]   # optional; also channels = […], levels = […]
where = "region = 'north'"  # optional predicate over profiles (over the file's columns in analyze)
maximum = 5000              # maximum, minimum or both
period = "cycle"            # cycle (default) | day | week | month

[contact]                   # per customer
max_actions = 1             # per cycle
caps = [{ channel = "email", maximum = 3, days = 7 }, { maximum = 5, days = 7 }]
quiet_hours = { from = "21:00", until = "08:00" }
exclusive = [["spring-mail", "spring-post"]]
"""


def limits_of(folder: Path, text: str, actions: tuple[Action, ...] | None = ACTIONS) -> LimitsFile:
    path = folder / "limits.toml"
    path.write_text(text, encoding="utf-8")
    return load_limits(path, actions)


@pytest.mark.parametrize("actions", [ACTIONS, None])
def test_the_documented_example_reads(tmp_path: Path, actions: tuple[Action, ...] | None) -> None:
    limits, contact = limits_of(tmp_path, EXAMPLE, actions)
    assert limits == (
        Limit("e-mail budget", "cost", ("spring-mail",), where="region = 'north'", maximum=5000.0, period="cycle"),
    )
    pair = (Exclusion(("spring-mail", "spring-post"), 0),) if actions is None else ()  # one action a cycle is apart
    caps = (ContactCap(3, 7, "email"), ContactCap(5, 7))
    assert contact == ContactPolicy(1, caps, QuietHours(time(21), time(8)), exclusive=pair)


def test_a_file_without_contact_says_nothing_about_single_customers(tmp_path: Path) -> None:
    limits, contact = limits_of(tmp_path, '[[limit]]\nname = "n"\nminimum = 3\nmaximum = 3\nperiod = "month"')
    assert limits == (Limit("n", maximum=3, minimum=3, period="month"),)
    assert contact is None
    assert limits_of(tmp_path, "") == ((), None)


def test_times_may_be_toml_times(tmp_path: Path) -> None:
    _, contact = limits_of(tmp_path, "[contact]\nquiet_hours = { from = 20:30:00, until = 07:00:00 }")
    assert contact is not None
    assert contact.quiet_hours == QuietHours(time(20, 30), time(7))


def test_spacing_groups_and_exclusions_beyond_the_cycle(tmp_path: Path) -> None:
    _, contact = limits_of(
        tmp_path,
        """
        [contact]
        caps = [{ maximum = 1, days = 30, actions = ["spring-mail"] }, { maximum = 2, days = 90, levels = ["upsell"] }]
        spacing = [{ days = 2 }, { channel = "email", days = 5 }]
        exclusive = [["spring-mail", "spring-post"], { actions = ["spring-mail", "spring-post"], days = 28 }]
        """,
    )
    assert contact == ContactPolicy(
        caps=(ContactCap(1, 30, actions=("spring-mail",)), ContactCap(2, 90, levels=("upsell",))),
        spacing=(Spacing(2), Spacing(5, "email")),
        exclusive=(Exclusion(("spring-mail", "spring-post"), 28),),
    )


def test_caps_are_filled_first_come_unless_the_file_says_by_value(tmp_path: Path) -> None:
    _, contact = limits_of(tmp_path, '[contact]\nfill_caps = "by value"\nprice_fatigue = true')
    assert contact == ContactPolicy(fill_caps="by value", price_fatigue=True)
    assert ContactPolicy().fill_caps == "first come"


def test_in_analyze_any_action_and_channel_may_be_named(tmp_path: Path) -> None:
    text = '[[limit]]\nname = "n"\nactions = ["whatever"]\nchannels = ["fax"]\nmaximum = 1'
    limits, _ = limits_of(tmp_path, text, None)
    assert limits[0].actions == ("whatever",)
    with pytest.raises(ConfigError, match="unknown action 'whatever'"):
        limits_of(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[limit]]\nname = "b"', "neither a maximum nor a minimum"),
        ('[[limit]]\nname = "b"\nmaximum_share = 0.5', "share of everything"),
        ('[[limit]]\nname = "b"\nwhere = "x"\nminimum_share = 1.5', "1.5 is not allowed"),
        ('[[limit]]\nname = "b"\nwhere = "x"\nminimum_rate = 0', "0 is not allowed"),
        ('[[limit]]\nname = "b"\nwhere = "x"\nminimum_share = 0.2\nmaximum = 3', "an amount and a share"),
        ('[[limit]]\nname = "b"\nwhere = "x"\nminimum_share = 0.2\nminimum_rate = 1', "instead of a share"),
        ('[[limit]]\nname = "b"\nchannels = ["email"]\nminimum_rate = 1', "of a `where`"),
        ('[[limit]]\nname = "b"\nwhere = "x"\nminimum_share = 0.4\nmaximum_share = 0.3', "above the maximum_share"),
        ('[[limit]]\nname = "b"\nwhere = "x"\nminimum_share = 0.2\nperiod = "week"', "holds in every cycle"),
        ('[[limit]]\nname = "b"\nmaximum = -1', "limit number 1.maximum: -1 is not allowed"),
        ('[[limit]]\nname = "b"\nmaximum = inf', "finite"),
        ('[[limit]]\nname = "b"\nmaximum = 3\nminimum = 4', "4 is above the maximum 3"),
        ("[[limit]]\nmaximum = 3", "limit number 1.name: is missing"),
        ('[[limit]]\nname = "b"\nmaximum = 3\nactions = ["spring-mial"]', "did you mean 'spring-mail'"),
        ('[[limit]]\nname = "b"\nmaximum = 3\nchannels = ["mail"]', "unknown channel 'mail'"),
        ('[[limit]]\nname = "b"\nmaximum = 3\nlevels = ["upsel"]', "did you mean 'upsell'"),
        ('[[limit]]\nname = "b"\nmaximum = 3\nperiod = "year"', "unknown period 'year'"),
        ('[[limit]]\nname = "b"\nmaximum = 1\n[[limit]]\nname = "b"\nminimum = 1', "names two limits"),
        ('[[limit]]\nname = "b"\nmaximum = 3\nmaxmum = 4', "did you mean 'maximum'"),
        ('[[limits]]\nname = "b"', "did you mean 'limit'"),
        ("[contact]\nmax_actions = 2", "not supported in a project"),
        ("[contact]\nmax_actions = 0", "0 is not allowed"),
        ("[contact]\ncaps = [{ maximum = 1 }]", "contact.caps number 1.days: is missing"),
        ("[contact]\ncaps = [{ maximum = 1, days = 7, channel = 'fax' }]", "unknown channel 'fax'"),
        ("[contact]\ncaps = [{ maximum = 1, days = 7, chanel = 'email' }]", "did you mean 'channel'"),
        ('[contact]\nquiet_hours = { from = "9pm", until = "08:00" }', "expected a local time"),
        ('[contact]\nquiet_hours = { from = 9, until = "08:00" }', "expected a local time"),
        ('[contact]\nquiet_hours = { from = "08:00", until = "08:00" }', "has no length"),
        ('[contact]\nquiet_hours = { until = "08:00" }', "contact.quiet_hours.from: is missing"),
        ('[contact]\nexclusive = [["spring-mail"]]', "pair of two different actions"),
        ('[contact]\nexclusive = [["spring-mail", "spring-mail"]]', "pair of two different actions"),
        ('[contact]\nexclusive = [["spring-mail", "autumn"]]', "unknown action 'autumn'"),
        ('[contact]\nexclusive = [{ actions = ["spring-mail", "spring-post"] }]', "a table with actions and days"),
        ('[contact]\nexclusive = [{ actions = ["spring-mail"], days = 3 }]', "two different actions, or more"),
        ('[contact]\nexclusive = [{ actions = ["spring-mail", "spring-post"], days = 0 }]', "at least 1"),
        ('[contact]\nexclusive = [{ actions = ["spring-mail", 3], days = 7 }]', "must name actions"),
        ('[contact]\nexclusive = ["spring-mail"]', "must be a pair of actions, or a table"),
        ("[contact]\nspacing = [{ channel = 'email' }]", "contact.spacing number 1.days: is missing"),
        ("[contact]\nspacing = [{ days = 0 }]", "0 is not allowed"),
        ("[contact]\nfill_caps = 'by valu'", "did you mean 'by value'"),
        ("[contact]\nprice_fatigue = 1", "contact.price_fatigue"),
        ("[contact]\nspacing = [{ days = 3, channel = 'fax' }]", "unknown channel 'fax'"),
        ("[contact]\ncaps = [{ maximum = 1, days = 7, actions = ['spring-mial'] }]", "did you mean 'spring-mail'"),
        ("[contact]\ncaps = [{ maximum = 1, days = 7, levels = ['upsel'] }]", "did you mean 'upsell'"),
        ("[contact]\ncaps = [{ maximum = 1, days = 7, levels = ['retention and loyalty'] }]", "counts nothing"),
        (
            "[contact]\ncaps = [{ maximum = 1, days = 7, channel = 'post', actions = ['spring-mail'] }]",
            "counts nothing",
        ),
    ],
)
def test_a_complaint_names_the_key_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        limits_of(tmp_path, text)
    assert told in caught.value.message
    assert "limits.toml" in caught.value.message
    assert caught.value.hint
