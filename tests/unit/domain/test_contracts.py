"""The check at the door names table, column and the first bad rows."""

from __future__ import annotations

import pyarrow as pa
import pytest

from alamo.domain.contracts import Column, Contract
from alamo.domain.errors import ContractError
from alamo.domain.tables import CONTRACTS, DECISIONS

THINGS = Contract(
    table="things",
    meaning="for tests",
    written_by="tests",
    read_by="tests",
    key=("id",),
    columns=(
        Column("id", pa.string(), "key"),
        Column("share", pa.float64(), "a share", minimum=0, maximum=1),
        Column("kind", pa.string(), "a word", nullable=True, values=("a", "b")),
    ),
)


def things(**changes):
    columns = {"id": ["1", "2", "3"], "share": [0.0, 0.5, 1.0], "kind": ["a", None, "b"]} | changes
    return pa.table(columns)


def test_a_good_table_passes_and_gets_the_order_and_types_of_the_contract():
    shuffled = things(share=pa.array([0, 1, 1], pa.int64())).select(["kind", "share", "id"])
    checked = THINGS.check(shuffled)
    assert checked.column_names == ["id", "share", "kind"]
    assert checked.schema.field("share").type == pa.float64()


@pytest.mark.parametrize(
    ("change", "column", "words"),
    [
        ({"id": ["1", "1", "3"]}, "id", "repeats its key"),
        ({"id": ["1", None, "3"]}, "id", "is null in rows 1"),
        ({"share": [0.0, -0.1, 1.0]}, "share", "is below 0 in rows 1"),
        ({"share": [0.0, 0.5, 1.5]}, "share", "is above 1 in rows 2"),
        ({"share": [0.0, float("nan"), 1.0]}, "share", "is not finite in rows 1"),
        ({"kind": ["a", "c", "b"]}, "kind", "is not one of a, b in rows 1"),
        ({"share": ["x", "y", "z"]}, "share", "the contract says double"),
    ],
)
def test_a_bad_table_is_refused_with_table_column_and_rows(change, column, words):
    with pytest.raises(ContractError) as caught:
        THINGS.check(things(**change))
    assert words in caught.value.message
    assert caught.value.details["table"] == "things"
    assert caught.value.details["column"] == column


def test_missing_and_unknown_columns_are_refused():
    with pytest.raises(ContractError, match="lacks column 'kind'"):
        THINGS.check(things().drop(["kind"]))
    with pytest.raises(ContractError, match="does not know"):
        THINGS.check(things(extra=["x", "y", "z"]))


def test_an_open_contract_keeps_further_columns_behind_the_named_ones():
    opened = Contract(
        table="things", meaning="", written_by="", read_by="", key=("id",), columns=THINGS.columns, open=True
    )
    assert opened.check(things(extra=[1, 2, 3])).column_names == ["id", "share", "kind", "extra"]


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_every_contract_accepts_its_own_empty_table(name):
    assert CONTRACTS[name].check(CONTRACTS[name].empty()).num_rows == 0


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_every_contract_says_what_its_columns_mean_and_keys_and_partitions_are_columns(name):
    contract = CONTRACTS[name]
    names = [column.name for column in contract.columns]
    assert all(column.meaning for column in contract.columns)
    assert len(set(names)) == len(names)
    assert set(contract.key) | set(contract.partition) <= set(names)


def decision(eligible, p):
    row = {field.name: [None] for field in DECISIONS.schema}
    values = {
        "decision_id": "d1", "unit_id": "u", "customer_id": "u", "cycle": 1, "decided_at": 0, "action_id": "none",
        "p_action": 0.5, "universal_control": False, "plan_id": "p", "block": 0, "reason": "r",
        "value_mean_money": 0.0, "net_money": 0.0, "cost_money": 0.0, "policy_version": "v", "valid_until": 0,
    }  # fmt: skip
    for key, value in values.items():
        row[key] = [value]
    return pa.table(row | {"eligible": [eligible], "p": [p]}, schema=DECISIONS.schema)


def test_probabilities_of_a_decision_must_add_up_to_one_and_match_the_eligible_set():
    assert DECISIONS.check(decision(["a", "none"], [0.5, 0.5])).num_rows == 1
    with pytest.raises(ContractError, match="does not add up to one"):
        DECISIONS.check(decision(["a", "none"], [0.5, 0.4]))
    with pytest.raises(ContractError, match="one probability for each"):
        DECISIONS.check(decision(["a", "none"], [1.0]))
    with pytest.raises(ContractError, match="does not add up to one"):
        DECISIONS.check(decision(["a", "none"], [1.5, -0.5]))
