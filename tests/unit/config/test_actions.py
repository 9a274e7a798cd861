from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from alamo.config.actions import load_action, load_actions
from alamo.domain.action import Action
from alamo.domain.errors import ConfigError

MINIMAL = 'id = "{id}"\nchannel = "email"\nlevel = "upsell"\n'


def action_of(folder: Path, text: str) -> Action:
    path = folder / "a.toml"
    path.write_text(text, encoding="utf-8")
    return load_action(path)


def test_three_keys_are_enough(tmp_path: Path) -> None:
    assert action_of(tmp_path, MINIMAL.format(id="mail")) == Action("mail", "mail", "email", "upsell")


def test_every_key_reaches_the_action(tmp_path: Path) -> None:
    text = MINIMAL.format(id="mail") + (
        'name = "Spring"\ncost = 2\neligible = " orders >= 1 "\nvalid_from = 2026-03-01\n'
        "valid_until = 2026-04-01T12:00:00Z\n[content]\nsubject = 'Hello'\nvoucher = { code = 'A', worth = 5 }"
    )
    found = action_of(tmp_path, text)
    assert (found.name, found.cost_money, found.eligible) == ("Spring", 2.0, "orders >= 1")
    assert found.valid_from == datetime(2026, 3, 1, tzinfo=UTC)
    assert found.valid_until == datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert found.content == {"subject": "Hello", "voucher": {"code": "A", "worth": 5}}


def test_a_service_message_says_so_and_what_it_passes(tmp_path: Path) -> None:
    found = action_of(tmp_path, MINIMAL.format(id="a") + 'class = "transactional"\npasses = ["control", "quiet_hours"]')
    assert (found.message_class, found.passes, found.is_marketing) == (
        "transactional",
        ("quiet_hours", "control"),
        False,
    )
    assert action_of(tmp_path, MINIMAL.format(id="a")).is_marketing


@pytest.mark.parametrize("bad", ["none", "spring mail", "-mail", "", "größe", "a/b"])
def test_an_identifier_is_letters_digits_and_dashes_and_not_none(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ConfigError, match="cannot be an identifier"):
        action_of(tmp_path, MINIMAL.format(id=bad))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('id = "a"\nchannel = "email"', "level: is missing"),
        ('id = "a"\nchannel = "e mail"\nlevel = "upsell"', "channel: 'e mail'"),
        ('id = "a"\nchannel = "email"\nlevel = "upsel"', "did you mean 'upsell'"),
        (MINIMAL.format(id="a") + "cost = -1", "cost: -1 is not allowed"),
        (MINIMAL.format(id="a") + "cost = inf", "cost: must be a finite number"),
        (MINIMAL.format(id="a") + "costs = 1", "did you mean 'cost'"),
        (MINIMAL.format(id="a") + "valid_from = 2026-02-01\nvalid_until = 2026-02-01", "must be after valid_from"),
        (MINIMAL.format(id="a") + 'valid_from = "soon"', "'soon' is not allowed"),
        (MINIMAL.format(id="a") + 'class = "transactionl"', "did you mean 'transactional'"),
        (MINIMAL.format(id="a") + 'passes = ["control"]', "only a transactional action passes anything"),
        (
            MINIMAL.format(id="a") + 'class = "transactional"\npasses = ["consent"]',
            "unknown part of the contact policy",
        ),
    ],
)
def test_a_complaint_says_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        action_of(tmp_path, text)
    assert told in caught.value.message
    assert "a.toml" in caught.value.message


def test_actions_come_ordered_by_id_whatever_their_files_are_called(tmp_path: Path) -> None:
    (tmp_path / "1.toml").write_text(MINIMAL.format(id="z"))
    (tmp_path / "2.toml").write_text(MINIMAL.format(id="b"))
    (tmp_path / "notes.txt").write_text("no action")
    assert [action.id for action in load_actions(tmp_path)] == ["b", "z"]
    assert load_actions(tmp_path / "nowhere") == ()


def test_an_id_used_twice_names_both_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text(MINIMAL.format(id="mail"))
    with pytest.raises(ConfigError, match="already the id") as caught:
        load_actions(tmp_path)
    assert "one.toml" in caught.value.message
    assert "two.toml" in caught.value.message


def test_an_action_may_have_a_control_of_its_own_unless_it_is_a_service_message(tmp_path):
    file = tmp_path / "mail.toml"
    base = 'id = "mail"\nchannel = "email"\nlevel = "upsell"\n'
    file.write_text(base + "control = 0.1\n")
    assert load_action(file).control_share == 0.1
    file.write_text(base)
    assert load_action(file).control_share == 0.0
    for wrong in ("control = 1.0\n", "control = -0.1\n", 'control = 0.1\nclass = "transactional"\n'):
        file.write_text(base + wrong)
        with pytest.raises(ConfigError, match="control"):
            load_action(file)
