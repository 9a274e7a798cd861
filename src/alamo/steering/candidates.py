"""Candidates: profiles, scores and limits become cells and tables, in the same way for every carrier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import Action, Limit
from alamo.domain.policy import CapCharge, LimitRow
from alamo.domain.ports import Warehouse
from alamo.domain.reasons import LeftOut
from alamo.numerics.hashing import unit_keys
from alamo.steering.cells import Cells, Pairs, assemble
from alamo.steering.contact_policy import Ledger
from alamo.steering.control import UniversalControl
from alamo.steering.displacement import charges, fatigue_of
from alamo.steering.eligibility import Eligibility, Gatekeeper
from alamo.steering.funnel import Stage
from alamo.steering.limits import LimitTables, affordable, limit_rows, limit_tables
from alamo.steering.predicates import cross, predicate_masks
from alamo.steering.units import Units

USE_NAMES = ("cost",)
"""Use columns that scores carry beside the count."""


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """What a cycle is decided under; a policy snapshot holds all of it.

    Attributes
    ----------
    gatekeeper
        Actions in the order of their index, contact policy and moment.
    rows
        Limits as one-sided rows.
    salt
        Of block order and draw.
    universal
        The universal control.
    displacement
        What contacts displace where caps are filled by value.
    fatigue_money
        What a contact with an action takes away from the next ones.
    """

    gatekeeper: Gatekeeper
    rows: tuple[LimitRow, ...]
    salt: str
    universal: UniversalControl
    displacement: tuple[CapCharge, ...] = ()
    fatigue_money: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Who may receive what, at which value and use.

    Attributes
    ----------
    cells
        Eligible, scored and affordable pairs.
    tables
        The limits over the cells' groups.
    eligibility
        What was excluded and why.
    scored, affordable
        What was left of the eligible pairs with a score, and of those that do not alone use more than a limit allows.
    """

    cells: Cells
    tables: LimitTables
    eligibility: Eligibility
    scored: Stage
    affordable: Stage

    @property
    def unscored(self) -> int:
        """Eligible pairs without a score, which therefore cannot be drawn."""
        return sum(self.scored.excluded)

    @property
    def unaffordable(self) -> int:
        """Eligible, scored pairs that alone use more than a limit allows."""
        return sum(self.affordable.excluded)


def rows_of(limits: Sequence[Limit], actions: Sequence[Action]) -> tuple[LimitRow, ...]:
    """Return the one-sided rows of `limits` over `actions`."""
    return limit_rows(limits, lambda limit: tuple(action.id for action in actions if limit.covers(action)))


def gather(
    warehouse: Warehouse, profiles: pa.Table, scores: pa.Table, terms: Terms, counted_as: pa.Table | None = None
) -> Candidates:
    """Return the candidates among `profiles` (PROFILES) by `scores` (SCORES), in the order in which they are decided.

    Limits with a `where` count customers by their row of `counted_as`, where that is given, else of `profiles`.

    Raises
    ------
    ConfigError
        If a predicate of an action or limit is not valid SQL, or a limit counts a use that scores do not carry.
    """
    ids = profiles["customer_id"].combine_chunks().cast(pa.string())
    key = unit_keys(ids.to_pylist())
    held, waiting = terms.universal.held_out(key)
    eligibility = terms.gatekeeper.judge(warehouse, profiles, held)
    held_out = held & ~eligibility.open.any(axis=1)  # what is open to the universal control passes it
    scopes = {f"limit {row.limit!r}": row.where for row in terms.rows}
    counted = profiles if counted_as is None else counted_as
    group, patterns = cross(predicate_masks(warehouse, "profiles", counted, scopes), len(key))
    action_ids = tuple(action.id for action in terms.gatekeeper.actions)
    pairs = scored_pairs(scores, ids, action_ids, eligibility.open)
    if terms.displacement or terms.fatigue_money:
        gatekeeper = terms.gatekeeper
        ledger = Ledger(warehouse, profiles["customer_id"], gatekeeper.actions, gatekeeper.now)
        later = charges(pairs, ledger, terms.displacement) + fatigue_of(terms.fatigue_money, action_ids)[pairs.action]
        pairs = replace(pairs, value_money=pairs.value_money - later, score_money=pairs.value_money)
    units = Units(ids, key, group, held_out, held & ~waiting, waiting)
    cells = assemble(units, pairs, USE_NAMES, action_ids, terms.salt)
    tables = limit_tables(terms.rows, action_ids, USE_NAMES, patterns)
    fits = affordable(cells, tables)
    kept = cells.keep(fits)
    scored = _stage_of(LeftOut.UNSCORED, eligibility.open.sum(axis=0), cells)
    return Candidates(kept, tables, eligibility, scored, _stage_of(LeftOut.UNAFFORDABLE, _customers_of(cells), kept))


def _stage_of(reason: LeftOut, before: Sequence[int], left: Cells) -> Stage:
    """Return the stage that leaves the pairs `left`, of `before` customers per action."""
    excluded = tuple(int(was - now) for was, now in zip(before, _customers_of(left), strict=True))
    return Stage(reason, excluded, int(np.count_nonzero(np.diff(left.indptr))))


def _customers_of(cells: Cells) -> Sequence[int]:
    counts: list[int] = np.bincount(cells.action, minlength=len(cells.action_ids)).tolist()
    return counts


def scored_pairs(scores: pa.Table, ids: pa.Array, action_ids: Sequence[str], is_open: npt.NDArray[np.bool_]) -> Pairs:
    """Return the pairs that have a score and are open, shape (n_customers, n_actions)."""
    unit = _positions(scores["customer_id"], ids)
    action = _positions(scores["action_id"], pa.array(action_ids, type=pa.string()))
    known = (unit >= 0) & (action >= 0)
    known[known] = is_open[unit[known], action[known]]
    mean, sd, shared, cost = (
        np.asarray(scores[name].to_numpy(), dtype=np.float64)[known]
        for name in ("value_mean_money", "value_sd_money", "shared_sd_money", "cost_money")
    )
    return Pairs(unit[known], action[known], mean, sd, cost[:, None], shared)


def _positions(column: pa.ChunkedArray, values: pa.Array) -> npt.NDArray[np.int64]:
    """Return the position of each entry of `column` in `values`, −1 where it is not among them."""
    found = pc.fill_null(pc.index_in(column, value_set=values), -1)
    return np.asarray(found.to_numpy(), dtype=np.int64)
