"""`alamo analyze contracts`: retention of customers whose leaving is seen, and what those who stay will bring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from alamo.domain.errors import InsufficientDataError
from alamo.domain.reasons import Refusal
from alamo.inference.lifetime_value.contract_calendar import NEVER, Renewals, periods_between, renewals
from alamo.inference.lifetime_value.contract_forecast import RetentionModel
from alamo.inference.lifetime_value.contract_result import ContractResult, Parameter, RenewalHoldout
from alamo.inference.lifetime_value.contract_retention import fit_p_value, retention_by_cohort, retention_rows
from alamo.inference.lifetime_value.contract_spec import MODELS, ContractSpec
from alamo.inference.lifetime_value.contract_table import Contracts, read_contracts
from alamo.inference.lifetime_value.contracts import fit_shifted_beta_geometric
from alamo.inference.lifetime_value.hazard import Hazard, fit_hazard

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_EPOCH = date(1970, 1, 1)
_MISFIT = 1e-3
"""Chance of a misfit as large as this below which ``auto`` gives every age a chance to leave of its own."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """A model with what is told about it; `model` None where refused."""

    name: str | None
    model: RetentionModel | None
    parameters: tuple[Parameter, ...] = ()
    log_likelihood: float | None = None
    converged: bool = False
    identified: bool = False
    p_value: float | None = None
    refusals: tuple[Refusal, ...] = ()


def analyze_contracts(table: pa.Table, spec: ContractSpec, today: date) -> ContractResult:
    """Return retention by age, a model of it, and forecasts for the contracts that go on.

    Parameters
    ----------
    table
        One row per contract.
    spec
        Which columns say how long it lasted, and what to forecast.
    today
        Without `spec.until`, dates after it are plans: what is known reaches to the last date up to it.

    Raises
    ------
    UsageError, InputError
        See `read_contracts`; for covariates also `fit_hazard`.

    Notes
    -----
    *Assumes* that whoever leaves is seen to leave, that customers of one age (and covariates) who began at other times
    leave alike, and covariates known at the start. *Not supported*: covariates that change, reactivation (a new
    contract is a new row), several contracts of one customer that depend on each other.

    Source: Fader & Hardie (2007), Journal of Interactive Marketing 21(1); Singer & Willett (1993), Journal of
    Educational Statistics 18(2).
    """
    contracts = read_contracts(table, spec, today)
    begun = _begun(contracts)
    known = _only(contracts.known, begun)
    covariates = contracts.covariates[begun]
    fit = _fit(known, covariates, contracts.names, spec)
    holdout, notes = _holdout(contracts, spec)
    active = known.active
    age, ahead = known.up_for[active], np.full(int(active.sum()), spec.horizon)
    total = None if fit.model is None else fit.model.total(age, covariates[active], ahead, spec.level)
    margin = None if contracts.margin_money is None else contracts.margin_money[begun][active]
    customers = _customers(fit.model, age, covariates[active], spec, margin)
    names = contracts.customers.filter(pa.array(begun)).filter(pa.array(active))
    value = customers["value_money"]
    return ContractResult(
        rows=retention_rows(known, covariates, fit.model, spec.level),
        model=fit.name,
        parameters=fit.parameters,
        log_likelihood=fit.log_likelihood,
        converged=fit.converged,
        identified=fit.identified,
        fit_p_value=fit.p_value,
        n_customers=len(known.up_for),
        n_active=int(active.sum()),
        total=total,
        value_money=None if value.null_count == len(value) else float(np.asarray(value).sum()),
        holdout=holdout,
        cohorts=_cohorts(contracts, known, begun, spec),
        customers=customers.add_column(0, "customer", names),
        retention_model=fit.model,
        horizon=spec.horizon,
        refusals=(*fit.refusals, *notes, *_no_interval(fit, total is not None), *_ahead(contracts, spec)),
        level=spec.level,
        until=None if contracts.dates is None else _EPOCH + timedelta(days=contracts.dates.until),
    )


def _fit(known: Renewals, covariates: Floats, names: tuple[str, ...], spec: ContractSpec) -> _Fit:
    asked = known.up_for > 0
    seen, gone = known.up_for[asked], known.left[asked]
    try:
        if spec.model == MODELS[1] or names:
            return _hazard(fit_hazard(seen, gone, covariates[asked], names))
        found = fit_shifted_beta_geometric(seen, gone)
    except InsufficientDataError as error:
        return _Fit(None, None, refusals=(Refusal("retention model and forecasts", error.message, error.hint),))
    p_value = fit_p_value(known, found.model)
    if spec.model == "auto" and p_value is not None and p_value < _MISFIT:
        reason = (
            f"the ages do not leave as it says (p = {p_value:.1e}): retention need not rise with age here, so every "
            "age has a chance to leave of its own"
        )
        cure = f"to see it all the same: --model {MODELS[0]}"
        told = Refusal(f"the {MODELS[0]}", reason, cure)
        return replace(_hazard(fit_hazard(seen, gone, covariates[asked], names)), refusals=(told,))
    limit = Refusal("estimates of alpha and beta", f"not identified: {found.limit}", "forecasts are those of the limit")
    return _Fit(
        name=MODELS[0],
        model=RetentionModel(found.model, found.deviations if found.converged and found.identified else None),
        parameters=tuple(
            Parameter(name, found.estimates[name], found.standard_errors[name]) for name in found.estimates
        ),
        log_likelihood=found.log_likelihood,
        converged=found.converged,
        identified=found.identified,
        p_value=p_value,
        refusals=() if found.identified else (limit,),
    )


def _hazard(found: Hazard) -> _Fit:
    rows = zip(found.names, found.effects.tolist(), found.standard_errors.tolist(), strict=True)
    return _Fit(
        name=MODELS[1],
        model=RetentionModel(found),
        parameters=tuple(Parameter(*row) for row in rows),
        log_likelihood=found.log_likelihood,
        converged=found.converged,
        identified=True,
    )


def _holdout(contracts: Contracts, spec: ContractSpec) -> tuple[RenewalHoldout | None, tuple[Refusal, ...]]:
    """Fit to what was known on `calibrate_until` and count what those who were there did afterwards."""
    if spec.calibrate_until is None or contracts.dates is None:
        return None, ()
    day, dates = (spec.calibrate_until - _EPOCH).days, contracts.dates
    begun = dates.start <= day
    start, end = dates.start[begun], dates.end[begun]
    then, later = (renewals(start, end, known_on, spec.every) for known_on in (day, dates.until))
    fit = _fit(then, contracts.covariates[begun], contracts.names, spec)
    here = then.active
    due = periods_between(start, np.full(len(start), dates.until), spec.every)[here] - then.up_for[here]
    if fit.model is None or not (due > 0).any():
        reason = fit.refusals[0].reason if fit.model is None else "no renewal was due after the calibration"
        return None, (Refusal("holdout", reason, "choose another day: --calibrate-until DATE"),)
    predicted = fit.model.total(then.up_for[here], contracts.covariates[begun][here], due, spec.level)
    actual = int((later.up_for - later.left - then.up_for)[here].sum())
    error = predicted.mean / actual - 1.0 if actual else None
    return RenewalHoldout(int(here.sum()), int(due.sum()), predicted, actual, error), ()


def _customers(
    model: RetentionModel | None, age: Codes, covariates: Floats, spec: ContractSpec, margin: Floats | None
) -> pa.Table:
    nothing = pa.nulls(len(age), pa.float64())
    columns = dict.fromkeys(("p_renews", "expected_renewals", "value_money"), nothing)
    if model is not None:
        ahead = np.full(len(age), spec.horizon)
        columns["p_renews"] = pa.array(model.expected(age, covariates, np.ones_like(ahead)))
        columns["expected_renewals"] = pa.array(model.expected(age, covariates, ahead))
        if margin is not None:
            columns["value_money"] = pa.array(margin * model.expected(age, covariates, ahead, spec.discount))
    return pa.table({"renewals": pa.array(age)} | columns)


def _cohorts(contracts: Contracts, known: Renewals, begun: Flags, spec: ContractSpec) -> pa.Table | None:
    if spec.cohorts is None or contracts.dates is None:
        return None
    return retention_by_cohort(contracts.dates.start[begun], known, contracts.dates.until, spec.cohorts)


def _no_interval(fit: _Fit, told: bool) -> tuple[Refusal, ...]:
    if not told or fit.model is None or fit.model.deviations is not None:
        return ()
    why = "chances by age and covariates" if fit.name == MODELS[1] else "the limit"
    reason = f"how uncertain {why} are together is not computed"
    return (Refusal("interval of the renewals to come", reason, f"where it fits: --model {MODELS[0]}"),)


def _ahead(contracts: Contracts, spec: ContractSpec) -> tuple[Refusal, ...]:
    """Say which dates were taken for plans; nothing where the last day known was named."""
    dates = contracts.dates
    if dates is None or spec.until is not None:
        return ()
    begun = dates.start <= dates.until
    ending, beginning = int((begun & (dates.end > dates.until) & (dates.end != NEVER)).sum()), int((~begun).sum())
    if not ending and not beginning:
        return ()
    day = _EPOCH + timedelta(days=dates.until)
    reason = (
        f"ends after {day} have not come ({ending:,} contracts go on), nor have begins ({beginning:,} are left out)"
    )
    return (Refusal("dates that lie ahead", reason, "if they are known, name the last day known: --until DATE"),)


def _begun(contracts: Contracts) -> Flags:
    """Return which contracts had begun by the last day known, shape (n,)."""
    if contracts.dates is None:
        return np.ones(len(contracts.known.up_for), dtype=np.bool_)
    return contracts.dates.start <= contracts.dates.until


def _only(known: Renewals, rows: Flags) -> Renewals:
    return Renewals(known.up_for[rows], known.left[rows], known.active[rows])
