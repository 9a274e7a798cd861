"""Next products: nothing looks ahead, what repeats is found, and too little is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from alamo.domain.errors import InputError, UsageError
from alamo.prediction.next_product import NextProductSpec, analyze_next_product, readiness_table
from alamo.prediction.next_product.features import Known
from alamo.prediction.next_product.orders import read_orders
from alamo.prediction.next_product.ranking import Lists, hits, rank_plainly

SPEC = NextProductSpec("who", "day", "what", within_days=20.0)


def orders(n_customers=300, days=200, seed=0) -> pa.Table:
    """Customers who buy every two weeks or so, from one of two halves of ten products, each its favourite mostly."""
    rng = np.random.default_rng(seed)
    who, day, what = [], [], []
    for customer in range(n_customers):
        half, favourite = customer % 2, rng.integers(0, 5)
        for moment in np.cumsum(rng.exponential(14.0, 60)):
            if moment >= days:
                break
            product = favourite if rng.random() < 0.6 else rng.integers(0, 5)
            who.append(customer)
            day.append(float(moment))
            what.append(f"p{5 * half + product}")
    return pa.table({"who": who, "day": day, "what": what})


@pytest.fixture(scope="module")
def table():
    return orders()


def test_what_comes_later_changes_nothing_that_was_known(table):
    day = 120.0
    later = np.asarray(table["day"]) >= day
    turned = table.set_column(2, "what", pa.array(np.where(later, "p0", np.asarray(table["what"].to_pylist()))))
    before, after = read_orders(table, SPEC), read_orders(turned, SPEC)
    one, other = Known.at(before, day), Known.at(after, day)
    assert one.known.tolist() == other.known.tolist()
    assert np.array_equal(one.customer, other.customer, equal_nan=True)
    place = [after.products.to_pylist().index(name) for name in before.products.to_pylist()]
    for field in ("days", "lately", "last"):
        assert (getattr(one, field).toarray() == getattr(other, field).toarray()[:, place]).all()
    assert (one.popularity == other.popularity[place]).all()
    assert one.goes_with == pytest.approx(other.goes_with[np.ix_(place, place)])


def test_knowledge_by_hand():
    table = pa.table({"who": ["a", "a", "a", "b"], "day": [0.0, 10.0, 10.5, 12.0], "what": ["x", "x", "y", "y"]})
    found = read_orders(table, SPEC)
    known = Known.at(found, 20.0)
    a, x = found.customers.to_pylist().index("a"), found.products.to_pylist().index("x")
    assert known.customer[a].tolist() == [10.0, 2.0, 2.0, 20.0, 10.0]
    assert (known.days[a, x], known.last[a, x]) == (2.0, 10.0)
    assert Known.at(found, 10.0).known.tolist() == [a]


def test_hits_by_hand():
    table = pa.table({"who": [0, 0, 1], "day": [1.0, 2.0, 2.0], "what": ["x", "y", "x"]})
    found = read_orders(table, SPEC)
    x, y = (found.products.to_pylist().index(name) for name in "xy")
    lists = Lists(np.array([0, 1]), np.array([[y, x], [y, -1]]), np.zeros((2, 2)))
    assert hits(lists, found).tolist() == [[1, 1, 1, 1, 1], [0, 0, 0, 0, 0]]
    assert hits(Lists(np.array([1]), np.array([[y, x]]), np.zeros((1, 2))), found)[0].tolist() == [0, 1, 1, 1, 0.5]


def test_the_model_finds_what_repeats(table):
    found = analyze_next_product(table, SPEC)
    rows = {row["method"]: row for row in found.to_dict()["rows"]}
    assert list(rows) == ["model", "buy again", "popularity"]
    assert rows["model"]["mrr"] > rows["popularity"]["mrr"] + 0.1
    assert rows["model"]["mrr"] > rows["buy again"]["mrr"] - 0.03
    listed = found.lists_table()
    assert set(listed.column_names) == {"who", "place", "product", "probability_if_buying"}
    own = [(int(w) % 2) == (int(p[1:]) >= 5) for w, p in zip(listed["who"], listed["product"].to_pylist(), strict=True)]
    assert np.mean(own) > 0.95


def test_buy_again_puts_the_favourite_first(table):
    found = read_orders(table, SPEC)
    known = Known.at(found, 200.0)
    lists = rank_plainly(known, known.known, 3, "buy again")
    counts = known.days[known.known].toarray()
    assert (counts[np.arange(len(counts)), lists.products[:, 0]] >= counts.max(axis=1) - 0.5).mean() > 0.9


def test_readiness_rows_know_only_what_came_before_and_the_last_have_no_answer(table):
    found = readiness_table(table, SPEC, "p0", times=3)
    days = sorted(set(found["as_of_day"].to_pylist()))
    assert np.diff(days) == pytest.approx([20.0] * 3)
    last = np.asarray(found["as_of_day"]) == days[-1]
    bought = found["bought"].to_pylist()
    assert all(value is None for value, inside in zip(bought, last, strict=True) if inside)
    assert all(value is not None for value, inside in zip(bought, last, strict=True) if not inside)
    day = np.asarray(table["day"])
    rows = np.asarray(found["as_of_day"]) == days[0]
    ahead = (day >= days[0]) & (day < days[0] + 20) & (np.asarray(table["what"].to_pylist()) == "p0")
    buyers = set(np.asarray(table["who"])[ahead].tolist())
    told = {c for c, b, r in zip(found["customer"].to_pylist(), bought, rows, strict=True) if r and b == 1.0}
    assert told == {c for c in buyers if c in set(np.asarray(found["customer"])[rows].tolist())}


def test_a_short_file_is_refused_and_bad_ones_are_mistakes(table):
    short = table.filter(pa.array(np.asarray(table["day"]) < 30))
    found = analyze_next_product(short, SPEC).to_dict()
    assert found["rows"] == []
    assert "needs 50 such customers" in found["refusals"][0]["cure"]
    with pytest.raises(UsageError, match="no column 'whom'"):
        analyze_next_product(table, NextProductSpec("whom", "day", "what"))
    with pytest.raises(UsageError, match="neither days nor dates"):
        analyze_next_product(table, NextProductSpec("who", "what", "day"))
    with pytest.raises(UsageError, match="no product 'tea'"):
        readiness_table(table, SPEC, "tea")
    with pytest.raises(InputError):
        analyze_next_product(pa.table({"who": [None], "day": [1.0], "what": ["x"]}), SPEC)
    with pytest.raises(UsageError):
        NextProductSpec("who", "day", "what", within_days=0.0)
