"""Files into a project on disk: once whatever the spelling, and outcomes only of days whose orders are known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from alamo.domain.errors import UsageError
from alamo.engine import imports
from alamo.project import Project

START = datetime(2026, 1, 5, 10, tzinfo=UTC)
DAY = timedelta(days=1)
HEADER = "date,customer,price\n"


@pytest.fixture
def at(folder: Path, outside: Callable[[datetime], Project], monkeypatch: pytest.MonkeyPatch):
    """Opens the project, of cycles of a week, from its own folder at a moment of one's choice."""
    toml = (folder / "alamo.toml").read_text()
    (folder / "alamo.toml").write_text(toml.replace("days = 28", "days = 7"))
    monkeypatch.chdir(folder)
    return outside


def money(project: Project) -> int:
    return project.context.history.query("SELECT coalesce(sum(amount_minor), 0) AS m FROM events")["m"][0].as_py()


def imported(project: Project, file: str | Path, **options) -> dict:
    (one,) = project.import_file("orders", [file], **options).to_dict()["files"]
    return one


def test_a_file_that_grew_is_counted_once_under_every_spelling_of_its_path(at, folder):
    with at(START) as project:
        for price, spelling in enumerate(("x.csv", "./x.csv", folder / "x.csv", "../corner/x.csv"), start=1):
            (folder / "x.csv").write_text(HEADER + f"2025-12-01,a,{price}\n")
            assert imported(project, spelling)["source"] == "orders:x.csv"
            assert money(project) == 100 * price
        assert imported(project, "x.csv")["unchanged"]
        (folder / "copy.csv").write_text((folder / "x.csv").read_text())
        assert imported(project, "copy.csv")["unchanged"]
        assert money(project) == 400


@pytest.mark.parametrize("grown", [True, False])
def test_a_store_that_counted_a_file_twice_is_mended_by_its_next_import(at, folder, grown, monkeypatch):
    with at(START) as project:
        with monkeypatch.context() as names_as_typed:
            names_as_typed.setattr(imports, "source_name", lambda kind, file, *_: f"{kind}:{file}")
            names_as_typed.setattr(imports, "recorded_names", lambda *_: [])
            for price, spelling in enumerate(("sub/../x.csv", folder / "x.csv"), start=1):
                (folder / "x.csv").write_text(HEADER + f"2025-12-01,a,{price}\n")
                (folder / "sub").mkdir(exist_ok=True)
                imported(project, spelling)
        assert money(project) == 300
        if grown:
            (folder / "x.csv").write_text(HEADER + "2025-12-01,a,5\n")
        one = imported(project, "x.csv")
        assert one["unchanged"] is not grown
        assert (one["source"], one["merged"]) == (f"orders:{folder / 'x.csv'}", ["orders:sub/../x.csv"])
        assert money(project) == (500 if grown else 200)
        assert imported(project, "x.csv")["merged"] == []


def write(file: Path, *prices: int) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(HEADER + "".join(f"2025-12-01,a,{price}\n" for price in prices))
    return file


def test_a_file_that_returns_to_what_a_source_merged_into_it_held_keeps_its_rows(at, folder, monkeypatch):
    with at(START) as project:
        with monkeypatch.context() as names_as_typed:
            names_as_typed.setattr(imports, "source_name", lambda kind, file, *_: f"{kind}:{file}")
            names_as_typed.setattr(imports, "recorded_names", lambda *_: [])
            imported(project, write(folder / "x.csv", 1))
            write(folder / "x.csv", 2)
            imported(project, "x.csv")
        assert imported(project, "x.csv")["merged"] == [f"orders:{folder / 'x.csv'}"]
        assert money(project) == 200
        one = imported(project, write(folder / "x.csv", 1))
        assert (one["source"], one["unchanged"], one["merged"]) == ("orders:x.csv", False, [])
        assert money(project) == 100


def test_a_file_of_the_same_name_in_another_folder_does_not_replace_one_that_is_gone(at, folder, monkeypatch):
    with at(START) as project:
        imported(project, write(folder / "x.csv", 1))
        (folder / "x.csv").unlink()
        other = write(folder.parent / "other" / "x.csv", 2)
        monkeypatch.chdir(other.parent)
        assert imported(project, "x.csv")["source"] == f"orders:{other}"
        assert money(project) == 300


def killed_before_it_says_finished(project: Project, file: Path) -> None:
    """Import with the rows written and the end of the import not recorded, as a kill leaves it."""
    log = type(project.context.state.imports)
    record = log.record

    def recorded(self, said):
        if said.content_hash:
            raise KeyboardInterrupt
        record(self, said)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(log, "record", recorded)
        with pytest.raises(KeyboardInterrupt):
            imported(project, file)


def test_the_former_file_after_a_killed_import_is_taken_in_again(at, folder):
    file = folder / "x.csv"
    with at(START) as project:
        imported(project, write(file, 1))
        killed_before_it_says_finished(project, write(file, 2, 3))
        assert money(project) == 500
        one = imported(project, write(file, 1))
        assert (one["unchanged"], money(project)) == (False, 100)
        killed_before_it_says_finished(project, write(file, 2, 3))
        killed_before_it_says_finished(project, write(file, 1))
        for unchanged in (False, True):
            one = imported(project, write(file, 2, 3))
            assert (one["unchanged"], one["rows"], money(project)) == (unchanged, 0 if unchanged else 2, 500)
        assert project.status().to_dict()["data"]["imports"] == 3


@pytest.mark.parametrize("copied", [1, 2])
def test_a_copy_of_what_a_killed_import_may_have_left_is_not_counted_beside_it(at, folder, copied):
    with at(START) as project:
        imported(project, write(folder / "x.csv", 1))
        killed_before_it_says_finished(project, write(folder / "x.csv", 2))
        one = imported(project, write(folder / "copy.csv", copied))
        assert (one["source"], money(project)) == ("orders:x.csv", 100 * copied)
        assert imported(project, folder / "copy.csv")["unchanged"]


def test_a_copy_of_what_a_file_held_before_it_changed_is_taken_in(at, folder):
    with at(START) as project:
        imported(project, write(folder / "x.csv", 1))
        imported(project, write(folder / "x.csv", 2))
        imported(project, write(folder / "copy.csv", 1))
        assert money(project) == 300


def test_a_file_whose_new_content_another_one_holds_gives_up_its_old_rows(at, folder):
    with at(START) as project:
        imported(project, write(folder / "x.csv", 1))
        imported(project, write(folder / "y.csv", 2))
        one = imported(project, write(folder / "y.csv", 1))
        assert (one["source"], one["unchanged"], one["emptied"]) == ("orders:x.csv", True, ["orders:y.csv"])
        assert money(project) == 100
        assert imported(project, write(folder / "y.csv", 2))["unchanged"] is False
        assert money(project) == 300


def test_a_killed_emptying_is_finished_by_the_next_import(at, folder):
    with at(START) as project:
        imported(project, write(folder / "x.csv", 1))
        imported(project, write(folder / "y.csv", 2))
        log = type(project.context.state.imports)
        record = log.record

        def recorded(self, said):
            if "counted_as" in said.detail:
                raise KeyboardInterrupt
            record(self, said)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(log, "record", recorded)
            with pytest.raises(KeyboardInterrupt):
                imported(project, write(folder / "y.csv", 1))
        assert imported(project, folder / "y.csv")["emptied"] == ["orders:y.csv"]
        assert imported(project, folder / "y.csv")["emptied"] == []
        assert money(project) == 100
        assert imported(project, write(folder / "y.csv", 2))["unchanged"] is False
        assert money(project) == 300


def test_an_experiment_whose_file_now_holds_another_one_is_counted_once(at, folder):
    def experiment(name: str, money: int) -> str:
        (folder / name).write_text("unit,arm,spend\n" + f"u1,control,{money}\nu2,mail,{money}\n")
        return name

    def units(project: Project) -> list[int]:
        counts = (
            project.context.history.query(f"SELECT count(*) AS n FROM {table}")["n"][0].as_py()
            for table in ("decisions", "observations", "outcomes")
        )
        return list(counts)

    with at(START) as project:
        project.import_file("experiment", [experiment("a.csv", 1)])
        project.import_file("experiment", [experiment("b.csv", 2)])
        assert units(project) == [4, 4, 4]
        project.import_file("experiment", [experiment("b.csv", 1)])
        assert units(project) == [2, 2, 2]


def test_an_experiment_from_before_the_loop_does_not_use_up_the_opening(at, folder):
    toml = folder / "alamo.toml"
    toml.write_text(toml.read_text().replace("opening_share = 0.5", "opening_share = 0.5\nopening_cycles = 1"))
    (folder / "shop.csv").write_text(HEADER + "".join(f"2026-01-0{1 + i % 4},c{i},5\n" for i in range(40)))
    rows = "".join(f"c{i},{('control', 'mail')[i % 2]},5\n" for i in range(40))
    (folder / "trial.csv").write_text("unit,arm,spend\n" + rows)
    with at(START) as project:
        project.import_file("orders", [folder / "shop.csv"])
        project.import_file("experiment", ["trial.csv"])
        assert project.run().turns[0].plan.summary["exploration"]["phase"] == "opening"


def decide_all(project: Project) -> None:
    plan = project.run().turns[0].plan
    project.approve(plan.plan_id, by="ann")
    project.launch(plan.plan_id, by="ann")


def outcomes(project: Project) -> list[dict]:
    return project.context.history.query("SELECT cycle, margin_money FROM observations").to_pylist()


@pytest.fixture
def decided(at, folder):
    """The project at work: everybody decided on 5 January, orders known until the day before."""
    (folder / "shop.csv").write_text(HEADER + "".join(f"2026-01-0{1 + i % 4},c{i},5\n" for i in range(40)))
    with at(START) as project:
        imported(project, "shop.csv")
        decide_all(project)
    return at


LATER = START + 30 * DAY  # the window of 28 days closed on 2 February, 10 o'clock


def test_outcomes_wait_for_orders_and_the_step_and_the_status_say_so(decided, folder):
    with decided(LATER) as project:
        (refusal,) = project.measure().to_dict()["refusals"]
        assert refusal["reason"] == (
            "40 decisions are waiting for orders until 2026-02-02: their window has closed, but they are known until "
            "2026-01-04"
        )
        assert refusal["cure"].startswith("alamo import orders FILE")
        assert outcomes(project) == []
        status = project.status().to_dict()
        assert status["next"] == "alamo import orders FILE"
        waiting = next(line for line in status["support"] if line["what"] == "outcomes")
        assert "waiting for orders until 2026-02-02" in waiting["reason"]
        (folder / "february.csv").write_text(HEADER + "2026-01-20,c1,100\n2026-02-03,c2,100\n")
        imported(project, "february.csv")
        measured = project.measure().to_dict()
        assert (measured["observations_matured"], measured["refusals"]) == (40, [])
        assert sum(row["margin_money"] for row in outcomes(project)) == pytest.approx(30.0)
        assert not [line for line in project.status().to_dict()["support"] if line["what"] == "outcomes"]


def test_orders_of_the_middle_of_a_window_do_not_close_it(decided, folder):
    with decided(LATER) as project:
        (folder / "january.csv").write_text(HEADER + "2026-01-20,c1,100\n")
        imported(project, "january.csv")
        assert "known until 2026-01-20" in project.measure().to_dict()["refusals"][0]["reason"]
        assert outcomes(project) == []


def test_a_quiet_shop_states_that_its_file_is_complete(decided, folder):
    with decided(LATER) as project:
        assert project.measure().to_dict()["observations_matured"] == 0
        one = imported(project, "shop.csv", complete_until=date(2026, 2, 1))
        assert (one["unchanged"], one["complete_until"]) == (True, "2026-02-02T00:00:00+00:00")
        assert project.measure().to_dict()["observations_matured"] == 0
        imported(project, "shop.csv", complete_until=date(2026, 2, 2))
        assert project.measure().to_dict()["observations_matured"] == 40
        assert {row["margin_money"] for row in outcomes(project)} == {0.0}
    with decided(LATER + DAY) as project:
        assert project.measure().to_dict()["refusals"] == []


def test_a_file_that_used_to_grow_and_fell_behind_is_named_without_holding_anything_up(decided, folder):
    def grow(project: Project, name: str, *dates: str) -> None:
        (folder / name).write_text(HEADER + "".join(f"{date},c1,5\n" for date in dates))
        imported(project, name)

    with decided(LATER) as project:
        grow(project, "once.csv", "2025-11-01")
        grow(project, "till.csv", "2025-12-01")
        grow(project, "till.csv", "2025-12-01", "2025-12-20")
        grow(project, "web.csv", "2026-02-03")
        measured = project.measure().to_dict()
        (refusal,) = measured["refusals"]
        assert measured["observations_matured"] == 40
        assert refusal["reason"].startswith("orders of orders:till.csv end on 2025-12-20, others go on")
        assert "alamo import orders FILE" in refusal["cure"]
        grow(project, "till.csv", "2025-12-01", "2026-02-01")
        assert project.measure().to_dict()["refusals"] == []


def test_a_preview_states_nothing(decided):
    with decided(LATER) as project:
        imported(project, "shop.csv", complete_until=date(2026, 2, 2), preview=True)
        assert project.measure().to_dict()["observations_matured"] == 0


def test_a_statement_about_tomorrow_or_about_other_files_is_refused(decided, folder):
    with decided(LATER) as project:
        with pytest.raises(UsageError, match="no file can hold every order before 2026-02-06") as caught:
            imported(project, "shop.csv", complete_until=date(2026, 2, 5))
        assert "--complete-until 2026-02-03" in caught.value.hint
        today = imported(project, "shop.csv", complete_until=date(2026, 2, 4))
        assert today["complete_until"] == LATER.isoformat()
        with pytest.raises(UsageError, match="a file of consent says nothing about orders"):
            project.import_file("consent", ["shop.csv"], complete_until=date(2026, 2, 2))


def test_a_simulated_market_is_complete_until_the_day_it_is_asked_for(seasoned):
    newest = seasoned.context.history.query("SELECT max(occurred_at) AS last FROM events")["last"][0].as_py()
    measured = seasoned.measure().to_dict()
    assert newest < seasoned.context.today()
    assert measured["refusals"] == []
    assert seasoned.status().to_dict()["cycle"]["matured"] == [1, 2, 3]


def test_rows_from_beyond_the_clock_of_a_simulated_project_are_put_aside(project, folder):
    (folder / "more.csv").write_text(HEADER + "2026-01-05,a,1\n2026-02-01,a,1\n1900-01-01,a,1\n")
    one = imported(project, folder / "more.csv")
    assert (one["rows"], one["quarantined"]) == (1, 2)
    assert [(c["reason"], c["first_rows"]) for c in one["complaints"]] == [
        ("occurred_at lies in the future (now: 2026-01-05)", [3]),
        ("occurred_at lies before 1970", [4]),
    ]
    assert Path(one["quarantine_file"]).read_text().splitlines()[1].startswith('3,"occurred_at","2026-02-01"')
