"""Lifetime value: purchases (BG/NBD and its kin), money per purchase (Gamma-Gamma), what remains; contracts; cohorts.

Not here: the effect of anything. A lifetime value says what a customer is expected to bring, not what an action
changes; and the purchase processes know no campaign and no covariate.
"""

from __future__ import annotations

from alamo.inference.lifetime_value.analysis import analyze_lifetime_value
from alamo.inference.lifetime_value.cohorts import cohort_table
from alamo.inference.lifetime_value.contract_analysis import analyze_contracts
from alamo.inference.lifetime_value.contract_result import ContractResult
from alamo.inference.lifetime_value.contract_spec import ContractSpec
from alamo.inference.lifetime_value.contracts import ShiftedBetaGeometric, fit_shifted_beta_geometric
from alamo.inference.lifetime_value.hazard import Hazard, fit_hazard
from alamo.inference.lifetime_value.model import NoResidualValue, ValueModel, fit_value_model, value_model_from_dict
from alamo.inference.lifetime_value.result import LifetimeValueResult
from alamo.inference.lifetime_value.spec import LifetimeValueSpec

__all__ = [
    "ContractResult",
    "ContractSpec",
    "Hazard",
    "LifetimeValueResult",
    "LifetimeValueSpec",
    "NoResidualValue",
    "ShiftedBetaGeometric",
    "ValueModel",
    "analyze_contracts",
    "analyze_lifetime_value",
    "cohort_table",
    "fit_hazard",
    "fit_shifted_beta_geometric",
    "fit_value_model",
    "value_model_from_dict",
]
