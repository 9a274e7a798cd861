"""Inference in the loop: what is frozen before a decision stays, what no decision rests on yet follows the data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from alamo.domain.tables import OUTCOMES
from alamo.engine.infer import observations_with_outcome, value_model
from alamo.project import Project

START = datetime(2026, 1, 5, 10, tzinfo=UTC)


@pytest.fixture
def real(folder: Path, outside: Callable[[datetime], Project]):
    """Opens the project on audience files; its orders lie in two files, half the customers in each."""
    head, *lines = (folder / "orders.csv").read_text().splitlines()
    early = [line for line in lines if int(line.split(",")[6][1:]) < 200]
    later = [line.replace(",DE", ",FR") for line in lines if int(line.split(",")[6][1:]) >= 200]
    dear = [line.replace(",2025-", ",2024-") for line in later]  # a year older: other recency, other life
    (folder / "first.csv").write_text("\n".join([head, *early]) + "\n")
    (folder / "second.csv").write_text("\n".join([head, *dear]) + "\n")
    (folder / "third.csv").write_text("\n".join([head, *(line.replace(",k", ",m") for line in dear)]) + "\n")
    (folder / "consent.csv").write_text(
        "customer_id,channel,state,date\n" + "".join(f"k{i:03d},*,granted,2025-01-01\n" for i in range(400))
    )

    with outside(START) as project:
        project.import_file("orders", [folder / "first.csv"])
        project.import_file("consent", [folder / "consent.csv"])
    return outside


def frozen(project: Project) -> tuple[str, str]:
    segments = project.context.history.query("SELECT DISTINCT segments_version AS v FROM segments ORDER BY as_of DESC")
    return value_model(project.context, 1).version, segments["v"][0].as_py()


def test_until_the_first_launch_segments_and_value_model_follow_the_data_and_then_they_stay(real, folder):
    with real(START) as project:
        project.run()
        partial = frozen(project)
        project.import_file("orders", [folder / "second.csv"])
        plan = project.run().turns[0].plan
        whole = frozen(project)
        assert partial[0] != whole[0]
        assert partial[1] != whole[1]
        project.approve(plan.plan_id, by="ann")
        project.launch(plan.plan_id, by="ann")
        project.import_file("orders", [folder / "third.csv"])
        assert project.run().turns[0].steps[1].changed
        assert frozen(project) == whole
    with real(START + timedelta(days=28)) as project:
        project.run()
        assert frozen(project) == whole  # a segment means the same in every cycle
        assert value_model(project.context, 2).version != whole[0]  # the next cycle is valued with what is known then


def test_what_an_approved_plan_was_made_with_stays_until_the_plan_is_stale(real, folder):
    with real(START) as project:
        plan = project.run().turns[0].plan
        approved = frozen(project)
        project.approve(plan.plan_id, by="ann")
        project.import_file("orders", [folder / "second.csv"])
        assert project.run().turns[0].steps[1].changed
        assert frozen(project) == approved
    with real(plan.valid_until) as project:
        project.import_file("orders", [folder / "third.csv"])
        project.run()
        assert all(now != before for now, before in zip(frozen(project), approved, strict=True))


def test_a_changed_action_list_or_salt_is_inferred_anew(real, folder):
    def inferred() -> bool:
        with real(START) as project:
            return next(step.changed for step in project.run().turns[0].steps if step.step == "infer")

    assert inferred()
    assert not inferred()
    toml = (folder / "alamo.toml").read_text()
    (folder / "alamo.toml").write_text(toml.replace('currency = "EUR"', 'currency = "EUR"\nsalt = "pepper"'))
    assert inferred()
    (folder / "actions" / "letter.toml").unlink()
    assert inferred()
    assert not inferred()


@pytest.mark.parametrize("later", ["0-sorts-first", "~sorts-last"])
def test_the_outcome_written_at_maturity_counts_whatever_a_later_value_model_is_called(seasoned, later):
    context = seasoned.context
    before = observations_with_outcome(context)
    again = context.history.query("SELECT * FROM outcomes WHERE value_version NOT IN ('0-sorts-first', '~sorts-last')")
    columns = {name: again[name] for name in OUTCOMES.schema.names}
    columns["value_version"] = pa.repeat(pa.scalar(later), again.num_rows)
    columns["outcome_money"] = pa.repeat(pa.scalar(1e6), again.num_rows)
    context.history.append("outcomes", OUTCOMES.check(pa.table(columns)), batch=f"later-{later}")
    after = observations_with_outcome(context)
    assert after.num_rows == before.num_rows == 3 * 400
    assert after["outcome_money"].equals(before["outcome_money"])
