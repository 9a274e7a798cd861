"""One sample of every object that `alamo analyze` prints."""

from __future__ import annotations

from typing import Any

REFUSAL = {"what": "effect of post on money", "reason": "8 outcomes only", "cure": "needs about 12 more days"}

_EFFECT = {
    "action": "mens-mail", "segment": None, "outcome": "visit", "mean": 0.0766, "se": 0.004, "lower": 0.0687,
    "upper": 0.0845, "anytime_lower": 0.0621, "anytime_upper": 0.0911, "n": 21_307, "n_control": 21_306,
    "baseline": 0.106, "method": "doubly robust", "found": True,
}  # fmt: skip

EXPERIMENT: dict[str, Any] = {
    "schema": "alamo.experiment/1",
    "rows": [
        _EFFECT,
        {**_EFFECT, "outcome": "spend", "mean": 0.01, "anytime_lower": None, "anytime_upper": None, "found": False},
    ],
    "refusals": [],
    "ratio_check": {"p_value": 0.42, "counts": {"mens-mail": 21_307, "none": 21_306}},
    "units": 64_000,
    "level": 0.95,
    "intervals_shown": 3,
}
UPLIFT: dict[str, Any] = {
    "rows": [{"action": "mens-mail", "learner": "boosting", "weight": 0.61, "dr_loss": 1.25}],
    "holdout": [
        {
            "action": "*", "qini": 2.1, "auuc": 0.4, "value_of_policy": 1.05, "lower": 0.9, "upper": 1.2,
            "value_of_best_single_action": 0.93, "gain": {"mean": 0.12, "lower": -0.01, "upper": 0.25},
            "calibration_slope": 0.8,
        }
    ],
    "level": 0.95,
    "intervals": [
        {
            "action": None, "figure": "gain", "mean": 0.12, "se": 0.06, "lower": 0.0, "upper": 0.24,
            "anytime_lower": -0.03, "anytime_upper": 0.27,
        },
        {
            "action": "mens-mail", "figure": "qini", "mean": 2.1, "se": 0.9, "lower": 0.3, "upper": 3.9,
            "anytime_lower": None, "anytime_upper": None,
        },
    ],
    "kept": [
        {
            "action": "mens-mail", "common": 0.92, "contrast": None, "common_slope": 0.98, "common_se": 0.11,
            "contrast_slope": None, "contrast_se": None,
        }
    ],
    "importance": [
        {
            "action": "mens-mail", "column": "loyal", "mean_absolute": 0.4, "loss_change": 0.2, "lower": 0.1,
            "upper": 0.3,
        }
    ],
    "what_if": [
        {
            "action": "mens-mail", "column": "loyal", "shape": "rising", "change": 0.8, "change_lower": 0.3,
            "change_upper": 1.3,
            "points": [
                {
                    "value": False, "effect": -0.1, "lower": -0.2, "upper": 0.0, "n": 5, "seen": None,
                    "seen_lower": None, "seen_upper": None,
                }
            ],
        }
    ],
    "scores": "scores.parquet",
    "contributions": "parts.csv",
    "model": "model.json",
}  # fmt: skip
_VALUE = {"estimator": "ips", "value": 0.0453, "se": 0.0012, "lower": 0.0429, "upper": 0.0477, "ess": 2467.4}
_GAIN = {"mean": 0.0123, "se": 0.001, "lower": 0.0103, "upper": 0.0143, "anytime_lower": None, "anytime_upper": None}
OFF_POLICY: dict[str, Any] = {
    "schema": "alamo.policy/1",
    "rows": [{**_VALUE, "chosen": False}, {**_VALUE, "estimator": "dr", "chosen": True}],
    "refusals": [],
    "behaviour_value": 0.033,
    "behaviour_se": 0.0007,
    "overlap": {
        "n": 10_000, "ess": 2467.4, "largest_weight": 10.69, "mean_weight": 0.985,
        "positions": [{"position": "2", "n": 3388, "ess": 718.4, "mean_weight": 0.953, "mean_weight_se": 0.03}],
    },
    "differences": [{"estimator": "ips", **_GAIN}, {"estimator": "dr", **_GAIN}],
    "switch_threshold": 9.5,
    "features": ["age", "loyal"],
    "level": 0.95,
}  # fmt: skip
_CHOICE = {"mean": 0.0121, "se": 0.002, "lower": 0.0081, "upper": 0.0161, "n": 9_000}
POLICY_CHOICE: dict[str, Any] = {
    "rows": [
        {
            "policy": "by loyalty", "value": 0.0583, "lower": 0.054, "upper": 0.063, "gain": 0.0121, "gain_se": 0.002,
            "gain_lower": 0.0081, "gain_upper": 0.0161, "chosen": True,
        }
    ],
    "refusals": [REFUSAL],
    "policy": "by loyalty",
    "value": {**_CHOICE, "mean": 0.0583},
    "gain": _CHOICE,
    "behaviour_value": 0.0462,
    "features": ["loyal"],
    "level": 0.95,
}  # fmt: skip
POLICY_TREE: dict[str, Any] = {
    "rows": [
        {"who": "loyal is 1", "action": "voucher", "share": 0.51, **_CHOICE},
        {"who": "loyal is 0", "action": "mail", "share": 0.49, "mean": None, "lower": None, "upper": None},
    ],
    "refusals": [],
    "control": "none",
    "value": {**_CHOICE, "mean": 0.0583},
    "gain_over_running": _CHOICE,
    "gain_over_single": {**_CHOICE, "lower": -0.001},
    "single": "mail",
    "features": ["loyal"],
    "n_growing": 10_012,
    "n_judging": 9_988,
    "level": 0.95,
    "model_file": "tree.json",
    "out": "rows.csv",
}
MICRO_SEGMENTS: dict[str, Any] = {
    "rows": [
        {
            "number": 3, "segment": "lapsed, 2 to 4 purchases", "customers": 900, "share": 0.6, "bought": 0.12,
            "purchase_days": 0.2, "money": 14.5, "rows": 4100, "customers_ahead": 940.0, "customers_lower": 880.0,
            "customers_upper": 1010.0,
        },
        {
            "number": 7, "segment": "buys <gifts>", "customers": 600, "share": 0.4, "bought": 0.61,
            "purchase_days": 1.4, "money": 121.0, "rows": 2600, "customers_ahead": 580.0, "customers_lower": 540.0,
            "customers_upper": 620.0,
        },
    ],
    "segments": 2, "customers": 1500, "smallest": 600, "as_of": "2011-07-22", "days_ahead": 84, "currency": "GBP",
    "migration": {
        "from": "2011-06-24", "to": "2011-07-22", "moved_share": 0.21, "joined": 40, "flows": [],
        "reasons": [{"feature": "category:gifts", "customers": 120}],
    },
}  # fmt: skip
LIFETIME_VALUE: dict[str, Any] = {
    "rows": [{"parameter": "r", "estimate": 0.2426, "se": 0.0126}],
    "model": "bg-nbd",
    "log_likelihood": -9582.4292,
    "converged": True,
    "identified": True,
    "n_customers": 2357,
    "holdout": {"mae": 0.75, "correlation": 0.63},
}
_RENEWALS = {"mean": 1_234.5, "lower": 1_190.2, "upper": 1_278.8}
CONTRACTS: dict[str, Any] = {
    "rows": [
        {
            "renewal": 1, "at_risk": 1000, "left": 131, "retention": 0.869, "lower": 0.85, "upper": 0.89,
            "retention_model": 0.851, "survival": 0.869, "survival_model": 0.851,
        }
    ],
    "refusals": [REFUSAL],
    "model": "hazard",
    "parameters": [{"parameter": "plan=basic", "estimate": 0.81, "se": 0.07}],
    "converged": True,
    "n_customers": 1000,
    "n_active": 491,
    "until": "2021-12-31",
    "horizon": 12,
    "total": _RENEWALS,
    "value_money": 24_690.0,
    "holdout": {"customers": 700, "due": 2100, "predicted": _RENEWALS, "actual": 1_250, "aggregate_error": -0.0124},
    "cohorts": [{"cohort": "2019-01-01", "renewal": 1, "customers": 80, "active": 70, "retention": 0.875}],
    "level": 0.9,
    "out": "customers.csv",
}  # fmt: skip
ALLOCATION: dict[str, Any] = {
    "rows": [
        {"limit": "budget", "side": "maximum", "bound": 5000.0, "used": 4999.5, "price": 0.21},
        {"limit": "post room", "side": "minimum", "bound": 100.0, "used": 100.0, "price": -1.2},
    ],
    "actions": [
        {"action": "letter", "customers": 100, "value": 12_000.0, "uses": {"cost": 4999.5}},
        {"action": "none", "customers": 40, "value": 0.0, "uses": {"cost": 0.0}},
    ],
    "value": 12_000.0,
    "dual_bound": 12_000.04,
    "gap": 3e-6,
    "feasible": False,
    "infeasible_limits": [{"limit": "post room", "relax_by": 12.0}],
    "relaxation": {
        "alone": [
            {"limit": "post room", "side": "minimum", "relax_by": 12.0, "enough": True, "value_money": 11_900.0},
            {"limit": "budget", "side": "maximum", "relax_by": 90.0, "enough": False, "value_money": None},
        ],
        "together": [{"limit": "post room", "side": "minimum", "relax_by": 12.0}],
        "value_money": 11_900.0,
    },
    "seconds": 1.5,
}
