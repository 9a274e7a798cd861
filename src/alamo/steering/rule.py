"""The decision rule: net value → softmax mixed with a floor → hard stop → salted-hash draw.

Pure and compiled: arrays in, arrays out; no I/O, clock or generator. Customers are decided one after another, because
what one of them draws may leave too little of a limit for the next. Every number of a customer is computed from the
customer's own cells in a fixed order, so a batch of one gives the same bits as a batch of a million.

For a customer's eligible actions and no action beside them, with w = 1 − floor − control and floor weights g:

    p(a)    = w · softmax(net / τ)_a    + floor · g_a / (1 + Σ g)
    p(none) = w · softmax(net / τ)_none + floor / (1 + Σ g) + control

where net(a) = value(a) − Σ_r price_r · use_r(a) and net(none) = 0. Then, still before the draw, an action that no
longer fits what is left of a hard row loses its probability to none. The probabilities of that state are logged.

Source: the softmax solves the entropy-regularised assignment problem, so prices and probabilities belong together
(Cuturi, 2013, "Sinkhorn distances", NeurIPS, §4, for one constraint per unit).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alamo.domain.policy import RuleSettings
from alamo.numerics.hashing import salt_key
from alamo.steering.cells import Cells
from alamo.steering.limits import LimitTables
from alamo.steering.rule_kernels import REASONS, DrawArrays, DrawnBy, RuleNumbers, decide_block

__all__ = ["REASONS", "BlockTerms", "Drawn", "decide"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """The decisions of a block.

    Attributes
    ----------
    p
        Probability of each cell after the stops, 0 where it could not be drawn, shape (n_cells,).
    p_none
        Probability of no action, shape (n,).
    net_money
        Value less prices times use, shape (n_cells,).
    choice
        Cell drawn, −1 for none, shape (n,).
    reason
        Index into `REASONS`, shape (n,).
    remaining
        What is left of each row after the block, shape (m,).
    """

    p: Floats
    p_none: Floats
    net_money: Floats
    choice: Ints
    reason: npt.NDArray[np.int8]
    remaining: Floats


@dataclass(frozen=True, slots=True, eq=False)
class BlockTerms:
    """What the rule is told for one block.

    Attributes
    ----------
    prices
        Money per unit of use of each row, at least 0, shape (m,).
    remaining
        What is left of each row, shape (m,).
    rule
        Temperature, floor and control share.
    salt
        Of the draw.
    """

    prices: Floats
    remaining: Floats
    rule: RuleSettings
    salt: str


def decide(cells: Cells, tables: LimitTables, terms: BlockTerms) -> Drawn:
    """Decide the customers of one block in their order.

    Never raises because of a value: a cell whose net value is not finite cannot be drawn.
    """
    n = cells.n
    out = DrawArrays(
        np.zeros(cells.n_cells),
        np.ones(n),
        np.zeros(cells.n_cells),
        np.full(n, -1, dtype=np.int64),
        np.zeros(n, dtype=np.int8),
        np.array(terms.remaining, dtype=np.float64),
    )
    weights = np.array(terms.rule.floor_of(len(cells.action_ids)), dtype=np.float64)
    rule = RuleNumbers(terms.rule.temperature_money, terms.rule.floor_share, terms.rule.control_share, weights)
    by = DrawnBy(cells.units.key, salt_key(f"{terms.salt}/draw"), cells.units.held_out)
    decide_block(cells.arrays, tables.arrays, terms.prices, rule, by, out)
    return Drawn(*out)
