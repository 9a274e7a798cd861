"""A finished experiment as observations."""

from __future__ import annotations

import pytest

from alamo.domain.errors import ConfigError, InputError, UsageError
from alamo.domain.tables import OBSERVATIONS
from alamo.measurement import experiment_observations, import_rows, normalise, preview, resolve_mapping


def observations(bench, data: str, mapping: dict | None = None):
    stream = bench.stream(data)
    resolved = resolve_mapping("experiment", stream.header, mapping)
    rows = import_rows(
        normalise("experiment", stream, resolved, bench.context), stream.name, "experiment", lambda _: None
    )
    return experiment_observations(rows.reader.read_all(), resolved, bench.context)


def test_arms_outcomes_and_features_become_observations(bench):
    data = "unit,arm,spend,age,city\nu1,mail,5,30,x\nu2,control,0,40,\nu3,post,1.5,50,y\nu4,control,2,60,z\n"
    table = observations(bench, data)
    OBSERVATIONS.check(table)
    assert table["action_id"].to_pylist() == ["mail", "none", "post", "none"]
    assert table["eligible"][0].as_py() == ["none", "mail", "post"]
    assert table["p"][0].as_py() == [0.5, 0.25, 0.25]
    assert table["p_action"].to_pylist() == [0.25, 0.5, 0.25, 0.5]
    assert table["margin_money"].to_pylist() == [5.0, 0.0, 1.5, 2.0]
    assert table["age"].to_pylist() == [30, 40, 50, 60]
    assert table["city"].to_pylist() == ["x", None, "y", "z"]


@pytest.mark.parametrize("outcomes", [("1,50", "2"), ("1", "0")])
def test_features_with_decimal_commas_are_numbers_and_the_propensity_of_the_mapping_is_read(bench, outcomes):
    data = "unit;arm;spend;before;shop\na;mail;{};10,25;x 1,5\nb;none;{};1.210,5;y\nc;none;0;1.210;\n".format(*outcomes)
    table = observations(bench, data, {"constants": {"propensity": 0.5}})
    assert table["margin_money"].to_pylist() == [float(text.replace(",", ".")) for text in (*outcomes, "0")]
    assert table["before"].to_pylist() == [10.25, 1210.5, 1210.0]
    assert table["shop"].to_pylist() == ["x 1,5", "y", None]
    assert table["p_action"].to_pylist() == [0.5, 0.5, 0.5]


def test_features_with_decimal_points_stay_as_they_are(bench):
    table = observations(bench, 'unit,arm,spend,before,size\na,mail,1.50,10.25,"1,5"\nb,none,2,3,"2,5"\n')
    assert table["before"].to_pylist() == [10.25, 3.0]
    assert table["size"].to_pylist() == ["1,5", "2,5"]


def test_propensities_are_checked_row_by_row(bench):
    stream = bench.stream(
        "unit,arm,spend,p\na,mail,1,0.5\nb,none,1,0\nc,none,1,\nd,none,1,1.5\ne,none,1,x\nf,none,1,.5\n"
    )
    shown = preview(stream, resolve_mapping("experiment", stream.header), bench.context)
    assert shown.tally.accepted == 2
    reasons = {row["row"]: row["reason"] for row in shown.quarantined.to_pylist()}
    assert reasons[3] == reasons[5] == "propensity must lie in (0, 1]"
    assert reasons[4].startswith("there is no propensity")
    assert reasons[6] == "is not a number"


def test_with_two_arms_the_other_probability_is_the_rest(bench):
    table = observations(bench, "unit,arm,spend,p\na,mail,1,0.2\nb,none,1,0.9\n")
    assert table["eligible"][0].as_py() == ["mail", "none"]
    assert [[round(p, 12) for p in row] for row in table["p"].to_pylist()] == [[0.2, 0.8], [0.1, 0.9]]


def test_constant_propensities_of_many_arms_give_every_probability(bench):
    table = observations(bench, "unit,arm,spend,p\na,m1,1,0.2\nb,none,1,0.5\nc,m2,1,0.3\n")
    assert table["p"].to_pylist() == [[0.2, 0.3, 0.5]] * 3


def test_varying_propensities_of_many_arms_are_refused(bench):
    with pytest.raises(InputError, match="varies within an arm"):
        observations(bench, "unit,arm,spend,p\na,m1,1,0.2\nb,none,1,0.5\nc,m2,1,0.3\nd,m2,1,0.4\n")


def test_rows_without_a_unit_are_units_of_their_own(bench):
    units = observations(bench, "arm,spend\nmail,1\nnone,2\nnone,2\n")["unit_id"].to_pylist()
    assert len(set(units)) == 3
    assert [unit.split("-")[1] for unit in units] == ["2", "3", "4"]


def test_one_arm_only_is_refused(bench):
    with pytest.raises(InputError, match=r"one arm only \(mail\)"):
        observations(bench, "unit,arm,spend\na,mail,1\nb,mail,2\n")


def test_the_control_is_found_or_asked_for(bench):
    with pytest.raises(UsageError, match="which arm is the control") as caught:
        observations(bench, "unit,arm,spend\na,x,1\nb,y,2\n")
    assert "control =" in caught.value.hint
    table = observations(bench, "unit,arm,spend\na,x,1\nb,y,2\n", {"control": "y"})
    assert table["action_id"].to_pylist() == ["x", "none"]


def test_features_can_be_named_so_that_what_came_after_the_decision_stays_out(bench):
    data = "unit,arm,spend,age,visit\na,mail,1,30,1\nb,none,2,40,0\n"
    names = observations(bench, data, {"features": ["age"]}).column_names
    assert "age" in names
    assert "visit" not in names
    with pytest.raises(ConfigError, match="no column of the file 'agee'"):
        observations(bench, data, {"features": ["agee"]})


def test_hillstrom_is_read_by_its_own_header(bench, test_data):
    data = (test_data / "hillstrom" / "hillstrom.csv.gz").read_bytes()
    stream = bench.stream(data)
    resolved = resolve_mapping("experiment", stream.header)
    assert (resolved.columns["action"], resolved.columns["outcome"]) == ("segment", "spend")
    table = observations(bench, data)
    assert table.num_rows == 64_000
    assert table["eligible"][0].as_py() == ["Mens E-Mail", "none", "Womens E-Mail"]
