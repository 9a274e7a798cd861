"""Lifetime value of customers without a contract: purchases (BG/NBD), money per purchase (Gamma-Gamma), what remains.

Not here: the effect of anything. A lifetime value says what a customer is expected to bring, not what an action
changes; and it knows no season, no campaign and no covariate.
"""

from __future__ import annotations

from alamo.inference.lifetime_value.analysis import analyze_lifetime_value
from alamo.inference.lifetime_value.model import NoResidualValue, ValueModel, fit_value_model, value_model_from_dict
from alamo.inference.lifetime_value.result import LifetimeValueResult
from alamo.inference.lifetime_value.spec import LifetimeValueSpec

__all__ = [
    "LifetimeValueResult",
    "LifetimeValueSpec",
    "NoResidualValue",
    "ValueModel",
    "analyze_lifetime_value",
    "fit_value_model",
    "value_model_from_dict",
]
