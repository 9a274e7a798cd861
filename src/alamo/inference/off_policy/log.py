"""Reading a log of decisions: columns become arrays, and what cannot be used is an error naming column and row."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import InputError, InsufficientDataError, NotIdentifiedError, UsageError
from alamo.inference.experiment_table import require_column
from alamo.inference.off_policy.columns import BadRows, labels, number_column, plain, units
from alamo.inference.off_policy.spec import LogSpec, PolicySpec

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

TOLERANCE = 1e-3
"""How far the probabilities of a row may be from 1 in sum: files round them."""
MOST_PLACES = 200
"""More values than this in the column of places are no places of a slate: each is an indicator of the model."""
LEAST_PROPENSITY = 1e-12
"""A smaller probability is a slip: a row drawn by it would never come, and its weight squared leaves the numbers."""


@dataclass(frozen=True, slots=True)
class LoggedDecisions:
    """Decisions of the running policy; shapes (n,) unless said otherwise.

    Attributes
    ----------
    actions
        Names of the actions that were drawn.
    drawn
        Index of the action drawn.
    p_drawn
        Its logged probability, in (0, 1].
    outcome
        What followed.
    position
        Index of the place in the slate; zeros without one.
    positions
        Names of the places.
    unit
        Code of the unit; None where every row stands alone.
    """

    actions: tuple[str, ...]
    drawn: Integers
    p_drawn: Floats
    outcome: Floats
    position: Integers
    positions: tuple[str, ...] = ("all",)
    unit: Integers | None = None

    def __len__(self) -> int:
        return len(self.drawn)

    def take(self, rows: Integers) -> LoggedDecisions:
        """Return the decisions at the positions `rows`."""
        return replace(
            self,
            drawn=self.drawn[rows],
            p_drawn=self.p_drawn[rows],
            outcome=self.outcome[rows],
            position=self.position[rows],
            unit=None if self.unit is None else self.unit[rows],
        )

    @property
    def groups(self) -> Integers:
        """Code of the independent group of each row."""
        return np.arange(len(self)) if self.unit is None else self.unit


@dataclass(frozen=True, slots=True)
class TargetPolicy:
    """A policy that has not run yet, on the decisions of a log.

    Attributes
    ----------
    p_drawn
        Its probability of the action drawn, shape (n,).
    p_every
        Its probability of each action of the log, shape (n, k); None where only `p_drawn` is known.
    p_unseen
        Mean probability it gives to actions that the log never drew.
    """

    p_drawn: Floats
    p_every: Floats | None = None
    p_unseen: float = 0.0

    @classmethod
    def always(cls, log: LoggedDecisions, action: int) -> TargetPolicy:
        """Return the policy that always takes the action with this index."""
        chosen = np.equal.outer(np.full(len(log), action), np.arange(len(log.actions)))
        return cls((log.drawn == action).astype(np.float64), chosen.astype(np.float64))

    def take(self, rows: Integers) -> TargetPolicy:
        """Return the policy at the decisions `rows`."""
        return replace(self, p_drawn=self.p_drawn[rows], p_every=None if self.p_every is None else self.p_every[rows])


def read_log(table: pa.Table, spec: LogSpec) -> LoggedDecisions:
    """Return the decisions of `table`.

    Raises
    ------
    UsageError
        If a column does not exist, is a time or text where a number is needed, or there are more than 200 places.
    InputError
        If there are no rows, or a value is missing or out of range; the first such rows are named.
    NotIdentifiedError
        If the log drew one action only.
    InsufficientDataError
        If the outcome never varies, or there is one unit only.
    """
    if not table.num_rows:
        raise InputError(
            "the file has no rows",
            hint="Give a file with one row per decision: alamo analyze policy FILE",
            code="input.empty",
        )
    for name in spec.roles:
        require_column(table, name)
    drawn, actions = labels(table, spec.action)
    if len(actions) < 2:
        raise NotIdentifiedError(
            f"column {spec.action!r} holds one action only, {actions[0]!r}: no other policy can be judged by it",
            hint="Give a log in which at least two actions were drawn; see its columns: alamo analyze policy --help",
            code="policy.one_action",
            details={"column": spec.action, "actions": list(actions)},
        )
    p_drawn = number_column(table, spec.propensity, "propensity")
    outcome = number_column(table, spec.outcome, "outcome")
    _require_usable(spec, p_drawn, outcome)
    position, positions = labels(table, spec.position) if spec.position else (np.zeros_like(drawn), ("all",))
    _require_places(spec, positions)
    log = LoggedDecisions(actions, drawn, p_drawn, outcome, position, positions, units(table, spec.unit))
    _require_variation(log, spec)
    return log


def read_target(table: pa.Table, spec: PolicySpec, log: LoggedDecisions) -> TargetPolicy:
    """Return the policy that the columns of `spec.target` or `spec.target_prefix` describe.

    Raises
    ------
    UsageError
        If a column does not exist or is no number.
    InputError
        If a probability is missing or not in [0, 1], those of a row do not add up to 1, or two actions share a column.
    NotIdentifiedError
        If the policy never does what the log drew.
    """
    if spec.target is not None:
        policy = TargetPolicy(_probability(table, spec.target))
    else:
        policy = _target_of_each(table, spec, log)
    if not policy.p_drawn.any():
        raise NotIdentifiedError(
            "the new policy never does what the log drew: every one of its probabilities is 0",
            hint=f"Log more exploration, or check the target: --target {spec.target or 'COL'}",
            code="policy.no_overlap",
        )
    return policy


def target_columns(table: pa.Table, spec: PolicySpec) -> list[str]:
    """Return the columns that describe the new policy."""
    if spec.target is not None:
        return [spec.target]
    prefix = str(spec.target_prefix)
    return [name for name in table.column_names if name.startswith(prefix) and name not in (prefix, *spec.roles)]


def _target_of_each(table: pa.Table, spec: PolicySpec, log: LoggedDecisions) -> TargetPolicy:
    prefix = str(spec.target_prefix)
    columns = target_columns(table, spec)
    column = _column_of_each(prefix, columns, log.actions)
    missing = [action for action in log.actions if action not in column]
    if missing:
        found = f"columns with this prefix: {', '.join(columns[:8])}" if columns else "no column has this prefix"
        raise UsageError(
            f"the log drew {missing[0]!r}, but there is no column {prefix + missing[0]!r}",
            hint=f"Give one column for every action, 0 where the policy never takes it ({found}): --target-prefix P_",
            code="policy.target_missing",
            details={"missing": missing[:50], "columns": columns[:50]},
        )
    others = [name for name in columns if name not in column.values()]
    p_every = np.column_stack([_probability(table, column[action]) for action in log.actions])
    p_others = sum((_probability(table, name) for name in others), np.zeros(len(log)))
    total = p_every.sum(axis=1) + p_others
    bad = BadRows.among(np.abs(total - 1.0) > TOLERANCE, f"{prefix}…", total)
    if bad:
        raise InputError(
            f"the columns {prefix}… add up to {bad.words}; a policy's probabilities add up to 1",
            hint=f"Give every action a column, none too, then: alamo analyze policy FILE --target-prefix {prefix}",
            code="policy.target_sum",
            details=bad.details,
        )
    return TargetPolicy(p_every[np.arange(len(log)), log.drawn], p_every, float(p_others.mean()))


def _column_of_each(prefix: str, columns: list[str], actions: tuple[str, ...]) -> dict[str, str]:
    """Return action → column, spelt alike or meaning the same number; one column serves one action."""
    exact = {name.removeprefix(prefix): name for name in columns}
    alike: dict[float | str, list[str]] = {}
    for label, name in exact.items():
        alike.setdefault(plain(label), []).append(name)
    found: dict[str, str] = {}
    action_of: dict[str, str] = {}
    for action in actions:
        fitting = [exact[action]] if action in exact else alike.get(plain(action), [])
        if len(fitting) > 1:
            raise _spelt_twice("columns", fitting[0], fitting[1], f"both could be the action {action!r}")
        for name in fitting:
            if name in action_of:
                raise _spelt_twice("actions", action_of[name], action, f"both belong to the column {name!r}")
            found[action], action_of[name] = name, action
    return found


def _spelt_twice(what: str, first: str, second: str, why: str) -> InputError:
    return InputError(
        f"the {what} {first!r} and {second!r} are two spellings of one: {why}",
        hint="Spell every action in one way in the log and in its columns, then: alamo analyze policy FILE",
        code="policy.spelling",
        details={what: [first, second]},
    )


def _probability(table: pa.Table, name: str) -> Floats:
    require_column(table, name)
    values = number_column(table, name, "target")
    bad = BadRows.among(~((values >= 0.0) & (values <= 1.0)), name, values)
    if bad:
        raise InputError(
            f"column {name!r} is {bad.words}; a probability lies in [0, 1]",
            hint="Correct these rows, then: alamo analyze policy FILE",
            code="policy.target",
            details=bad.details,
        )
    return values


def _require_usable(spec: LogSpec, p_drawn: Floats, outcome: Floats) -> None:
    bad = BadRows.among(~((p_drawn >= LEAST_PROPENSITY) & (p_drawn <= 1.0)), spec.propensity, p_drawn)
    if bad:
        tiny = f" and not under {LEAST_PROPENSITY:g}" if 0.0 < bad.first < LEAST_PROPENSITY else ""
        raise InputError(
            f"column {spec.propensity!r} is {bad.words}; the probability of what was drawn lies in (0, 1]{tiny}",
            hint="Without a propensity a row is no observation: leave it out, then: alamo analyze policy FILE",
            code="policy.propensity",
            details=bad.details,
        )
    bad = BadRows.among(~np.isfinite(outcome), spec.outcome, outcome)
    if bad:
        raise InputError(
            f"column {spec.outcome!r} is {bad.words}; a decision without an outcome cannot be judged",
            hint="Leave these rows out, or count them as 0, then: alamo analyze policy FILE",
            code="policy.outcome",
            details=bad.details,
        )


def _require_places(spec: LogSpec, positions: tuple[str, ...]) -> None:
    if len(positions) > MOST_PLACES:
        raise UsageError(
            f"column {spec.position!r} holds {len(positions):,} values; a slate of more than {MOST_PLACES} places is "
            "not valued place by place",
            hint="Name the column of the place in the slate: --position COL",
            code="policy.places",
            details={"column": spec.position, "places": len(positions), "most": MOST_PLACES},
        )


def _require_variation(log: LoggedDecisions, spec: LogSpec) -> None:
    if log.outcome.min() == log.outcome.max():
        raise InsufficientDataError(
            f"column {spec.outcome!r} is {log.outcome[0]:g} in every one of {len(log):,} rows (from row 1 on): "
            "nothing tells policies apart",
            hint="Name another outcome, or wait until some have happened: --outcome COL",
            code="policy.constant_outcome",
            details={"column": spec.outcome},
        )
    if log.unit is not None and log.unit.max() == 0:
        raise InsufficientDataError(
            f"column {spec.unit!r} names one unit only: the spread between units is unknown",
            hint="Name the column whose values are independent: --unit COL",
            code="policy.one_unit",
            details={"column": spec.unit},
        )
