"""Limits on a part of a whole: fair parts for groups of customers, the part of an action in all contacts.

With p the part, a share is the row Σ 1{in the part} use − p · Σ use of the whole ≤ 0 (a minimum with the other sign):
linear, so prices and the rule need nothing new. It holds in expectation and in paced draws; it cannot stop a single
draw, because every draw moves the whole, too.

Source: Dwork et al. (2012), "Fairness through awareness", ITCS, §4, for rates of groups as linear constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from alamo.domain.action import Limit
from alamo.domain.errors import ConfigError
from alamo.domain.ports import Warehouse
from alamo.steering.cells import Cells, Floats, Ints
from alamo.steering.limits import LimitTables, among
from alamo.steering.predicates import part_of_day, predicate_masks


def rates_as_shares(limits: Sequence[Limit], part_of: Callable[[Limit], float]) -> tuple[Limit, ...]:
    """Return the limits with every rate of a group as its share: rate · (its customers ÷ all customers).

    Parameters
    ----------
    part_of
        Gives the part of the customers that a limit's `where` holds for.

    Raises
    ------
    ConfigError
        If the share would be all there is, or more.
    """
    return tuple(limit if limit.minimum_rate is None else _as_share(limit, part_of(limit)) for limit in limits)


def _as_share(limit: Limit, part: float) -> Limit:
    share = (limit.minimum_rate or 0.0) * part
    if share >= 1.0:
        raise ConfigError(
            f"limit {limit.name!r} wants {limit.minimum_rate:g} times the mean rate for {part:.1%} of the customers: "
            "that is everything there is, or more",
            hint=f"Choose a minimum_rate below {1.0 / part:.4g}, then run the same again",
            code="limits.rate_too_high",
            details={"limit": limit.name, "minimum_rate": limit.minimum_rate, "part": part},
        )
    return replace(limit, minimum_rate=None, minimum_share=share)


def rates_of_profiles(warehouse: Warehouse, profiles: pa.Table, limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """Return the limits of a project with every rate as a share, counted over its `profiles` (PROFILES)."""
    rates = [limit for limit in limits if limit.minimum_rate is not None]
    masks = predicate_masks(warehouse, "profiles", profiles, {f"limit {limit.name!r}": limit.where for limit in rates})
    return rates_as_shares(limits, lambda limit: float(masks[limit.where].mean()) if profiles.num_rows else 0.0)


def rates_of_day(warehouse: Warehouse, as_of: datetime, limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """Return the limits as `rates_of_profiles` does, counted in the history over all profiles of a day."""
    return rates_as_shares(limits, lambda limit: part_of_day(warehouse, as_of, (f"limit {limit.name!r}", limit.where)))


def whole_use(cells: Cells, tables: LimitTables, cell: Ints, amount: Floats | None = None) -> Floats:
    """Return for each row what the whole uses of which it is a part; 1 for the rows of an amount, shape (m,).

    Parameters
    ----------
    cell
        Cells that are counted, shape (n,).
    amount
        How often each is, such as its probability, shape (n,); None: once.
    """
    weight = np.ones(len(cell)) if amount is None else amount
    out = np.ones(tables.m)
    for r, row in enumerate(tables.rows):
        if row.of_action_ids:
            use = weight if tables.column[r] < 0 else weight * cells.uses[cell, tables.column[r]]
            out[r] = float(use[among(cells.action_ids, row.of_action_ids)[cells.action[cell]]].sum())
    return out


def told(tables: LimitTables, row: int, used: float, whole: float, price: float) -> dict[str, float | None]:
    """Return bound, use and price of a row as a person reads them; of a share as parts of 1.

    Parameters
    ----------
    used
        Signed use of the row.
    whole
        See `whole_use`.
    price
        Money per unit of use, at least 0.
    """
    about = tables.rows[row]
    if not about.of_action_ids:
        return {
            "bound": about.sign * about.bound + 0.0,
            "used": about.sign * used + 0.0,
            "price": about.sign * price + 0.0,
        }
    part = about.share + about.sign * used / whole if whole > 0.0 else None
    return {"bound": about.share, "used": part, "price": about.sign * price * whole + 0.0}
