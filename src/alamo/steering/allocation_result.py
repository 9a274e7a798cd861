"""What `analyze allocation` is asked, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from alamo.domain.action import Limit
from alamo.domain.errors import InfeasibleError, UsageError
from alamo.domain.reasons import Refusal
from alamo.domain.result import Result
from alamo.steering.advice import Advice
from alamo.steering.allocation.clash import Clash, Conflict, infeasible, limits_dict, relaxation_dict


@dataclass(frozen=True, slots=True)
class AllocationSpec:
    """What to allocate.

    Attributes
    ----------
    customer, action, value
        Columns of the file, one row per customer and action; values stand as they are, net of variable cost.
    limits
        As in ``limits.toml``; their `period` is not used.
    uses
        Further columns that limits may use.
    temperature_money
        None: a deterministic plan. Otherwise each customer draws from a softmax at this temperature.
    gap
        Relative gap the certificate should reach; a larger one is reported as a refusal.
    limits_file
        Where the limits stand, for messages; None where they come from no file.
    advice
        Whether to say what more of each limit would be worth.
    max_actions
        Actions that one customer may get together; their values add up.
    exclusive
        Actions of which one customer gets at most one, such as pairs.
    """

    customer: str
    action: str
    value: str
    limits: tuple[Limit, ...]
    uses: tuple[str, ...] = ()
    temperature_money: float | None = None
    gap: float = 0.001
    limits_file: str | None = None
    advice: bool = False
    max_actions: int = 1
    exclusive: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("gap", self.gap), ("temperature", self.temperature_money)):
            if value is not None and not (math.isfinite(value) and value > 0.0):
                raise UsageError(
                    f"the {name} is {value:g}; it must be a number above 0",
                    hint=f"Leave it out, or give one above 0: --{name} NUMBER",
                    code="allocation.wrong_option",
                    details={"option": name, "value": value},
                )
        if self.max_actions < 1:
            raise UsageError(
                f"max_actions is {self.max_actions}: a customer could get nothing",
                hint="Give 1 or more",
                code="allocation.no_action_allowed",
                details={"max_actions": self.max_actions},
            )
        shares = [limit.name for limit in self.limits if limit.is_share]
        if self.advice and self.max_actions > 1 and shares:
            raise UsageError(
                f"advice on a share (limit {shares[0]!r}) is not supported where a customer may get several actions",
                hint="Leave out --advice, or bound an amount instead, or set max_actions to 1 in the limits",
                code="allocation.advice_on_shares",
                details={"limit": shares[0], "max_actions": self.max_actions},
            )


@dataclass(frozen=True, slots=True, repr=False)
class AllocationResult(Result):
    """A plan with its certificate.

    Attributes
    ----------
    rows
        One per limit and side: bound, use and price, in the limit's units; the price of a minimum is at most 0.
    actions
        One per action of the file: how many customers get it, what that brings, and what it uses of each column; last
        those who get none. Empty if infeasible.
    value, dual_bound, gap
        What the plan brings, an upper bound of what any plan can, and their relative distance; None if infeasible.
    feasible
        Whether every limit is kept.
    clash
        Limits in conflict, what each alone would have to give, and the least that all give; None if feasible.
    seconds
        Time taken.
    refusals
        What could not be had, and why.
    assignments
        Customer and action (null: none) of every customer of the file; a row per action where there are several.
    out
        Where they were written.
    limits_file
        Where the limits stand, for messages.
    advice
        What more of each limit is worth, and what a new action would have to bring; None unless it was asked for.
    """

    schema: ClassVar[str] = "alamo.allocation/1"
    columns: ClassVar[tuple[str, ...]] = ("limit", "side", "bound", "used", "price")

    rows: tuple[Mapping[str, Any], ...]
    value: float | None
    dual_bound: float | None
    gap: float | None
    feasible: bool
    clash: Clash | None
    seconds: float
    refusals: tuple[Refusal, ...]
    assignments: pa.Table
    out: str | None = None
    limits_file: str | None = None
    advice: Advice | None = None
    actions: tuple[Mapping[str, Any], ...] = ()

    def records(self) -> list[dict[str, Any]]:
        """Return one row per limit and side."""
        return [dict(row) for row in self.rows]

    def beside(self) -> dict[str, Any]:
        """Return what stands beside the rows."""
        return {
            "value": self.value,
            "dual_bound": self.dual_bound,
            "gap": self.gap,
            "actions": [dict(row) for row in self.actions],
            "feasible": self.feasible,
            "infeasible_limits": limits_dict(self.infeasible_limits),
            "relaxation": None if self.clash is None else relaxation_dict(self.clash),
            "seconds": self.seconds,
            "refusals": [refusal.to_dict() for refusal in self.refusals],
            "out": self.out,
            "advice": None if self.advice is None else self.advice.to_dict(),
        }

    @property
    def infeasible_limits(self) -> tuple[Conflict, ...]:
        """Limits in conflict, the cheapest to relax first; empty if the plan is feasible."""
        return self.clash.conflicts if self.clash else ()

    def assignments_table(self) -> pa.Table:
        """Return who gets what: the file's columns of customer and action, a row per action, null for none."""
        return self.assignments

    def error(self) -> InfeasibleError | None:
        """Return the error that says which limits cannot be met together; None if the plan is feasible."""
        return None if self.clash is None else infeasible(self.clash, self.limits_file, None)
