"""The price of a lost permission in the loop: frozen before a cycle's decisions, charged when its outcomes mature."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from alamo.domain.ports import ContinuationValue
from alamo.domain.reasons import Refusal
from alamo.domain.records import StepRecord
from alamo.engine.context import Context
from alamo.inference import PermissionPrice, PermissionPrices, Prices, PriceTerms, not_charged, permission_price

_STEP = "permission-price"


def freeze_price(
    context: Context, cycle: int, as_of: datetime, scores: pa.Table, observations: pa.Table, *, decided: bool
) -> dict[str, Any]:
    """Work out the price that the outcomes of `cycle` will be charged, from what has matured before its decisions.

    Once somebody is decided about (`decided`) the price stays: a later one would let an outcome depend on what it
    measures. Returns the price's parts for people, and why nothing is charged where nothing is; empty where lost
    permissions are not priced.
    """
    if not context.settings.outcome.price_permissions:
        return {}
    key = f"cycle-{cycle}/{_STEP}"
    found = context.state.steps.find(key)
    if found is None or not decided:
        price = _estimate(context, as_of, scores, observations)
        now = context.clock.now()
        detail = {"refusal": price.to_dict()} if isinstance(price, Refusal) else price.to_dict()
        found = StepRecord(key, now, now, detail)
        context.state.steps.finish(found)
    return _for_people(context, found)


def prices(context: Context, models: Mapping[int, ContinuationValue]) -> Prices | None:
    """Return the prices frozen before each cycle of `models`, over the horizon of its value model.

    None where lost permissions are not priced. The horizon of the settings stands in where no value model was fitted.
    """
    outcome = context.settings.outcome
    if not outcome.price_permissions:
        return None
    horizons = {cycle: model.horizon_days for cycle, model in models.items() if model.horizon_days}
    return Prices({cycle: frozen_price(context, cycle) for cycle in models}, outcome.residual_horizon_days, horizons)


def frozen_price(context: Context, cycle: int) -> PermissionPrices | None:
    """Return the prices frozen before `cycle`; None where there was none yet."""
    found = context.state.steps.find(f"cycle-{cycle}/{_STEP}")
    return None if found is None or "price" not in found.detail else PermissionPrices.from_dict(found.detail)


def charged(context: Context) -> dict[str, float]:
    """Return what the outcome of each decision was charged for a lost permission; only where it was (money)."""
    paid = context.history.query(
        "SELECT decision_id, max(permission_money) AS paid FROM outcomes WHERE permission_money > 0 "
        "GROUP BY decision_id ORDER BY decision_id"
    )
    return dict(zip(paid["decision_id"].to_pylist(), paid["paid"].to_pylist(), strict=True))


def _estimate(
    context: Context, as_of: datetime, scores: pa.Table, observations: pa.Table
) -> PermissionPrices | Refusal:
    settings = context.settings
    terms = PriceTerms(as_of, settings.inference.level, settings.cycle_days, settings.outcome.discount_rate_per_year)
    channels = {action.id: action.channel for action in context.actions}
    return permission_price(scores, observations, charged(context), terms, channels)


def _for_people(context: Context, record: StepRecord) -> dict[str, Any]:
    if "price" not in record.detail:
        return {"refusals": [dict(record.detail["refusal"])]}
    prices = PermissionPrices.from_dict(record.detail)
    horizon = context.settings.outcome.residual_horizon_days
    refusal = not_charged(prices)
    channels = [{"channel": name, **_parts(one, horizon)} for name, one in (prices.by_channel or {}).items()]
    return {
        "permission_price": {
            **_parts(prices.whole, horizon),
            "charged": prices.charge_money(None, horizon),
            "horizon_days": horizon,
            "channels": channels,
        },
        "refusals": [] if refusal is None else [refusal.to_dict()],
    }


def _parts(price: PermissionPrice, horizon_days: int) -> dict[str, Any]:
    return {
        "gain": price.gain.to_dict(),
        "p_lost": price.p_lost,
        "price": price.over(horizon_days).to_dict(),
        "charged": price.charge_money(horizon_days),
    }
