"""One sample of every object the commands print."""

from __future__ import annotations

from typing import Any

from tests.unit.cli.samples_analyses import REFUSAL

_LOOP_EFFECT = {
    "segment": None, "mean": 0.61, "se": 0.1, "lower": 0.4, "upper": 0.8, "anytime_lower": 0.3, "anytime_upper": 0.9,
    "n": 4000, "n_control": 3000, "baseline": 11.0, "method": "doubly robust", "found": True, "as_of": "2011-07-22",
}  # fmt: skip
EFFECTS: dict[str, Any] = {
    "rows": [
        {**_LOOP_EFFECT, "action": "*"},
        {**_LOOP_EFFECT, "action": "voucher-mail"},
        {
            **_LOOP_EFFECT,
            "action": "sale-mail",
            "mean": -0.2,
            "anytime_lower": None,
            "anytime_upper": None,
            "found": False,
        },
        {**_LOOP_EFFECT, "action": "voucher-mail", "segment": "loyal"},
    ],
    "as_of": "2011-07-22T00:00:00+00:00",
    "level": 0.95,
    "refusals": [REFUSAL],
    "intervals_shown": 4,
    "unit": "GBP per decision, net of cost",
    "attribution": "simulated <market>",
}
_WORTH = {"mean": 0.61, "se": 0.1, "lower": 0.4, "upper": 0.8}
_UNKNOWN = {"mean": None, "se": None, "lower": None, "upper": None}
_SIDE_BY_SIDE = {
    "action": "voucher-mail", "label": "calibrated", "proxy": _WORTH,
    "correction": {"mean": -0.73, "se": 0.2, "lower": -1.12, "upper": -0.34},
    "calibrated": {"mean": -0.12, "se": 0.21, "lower": -0.53, "upper": 0.29}, "long_days": 182, "n": 26_000,
    "n_long": 20_000, "cycles_long": 20, "measured_until": "2011-07-20T00:00:00+00:00", "days_left": None,
    "method": "doubly robust", "as_of": "2011-07-22T00:00:00+00:00",
}  # fmt: skip
CALIBRATED: dict[str, Any] = {
    **EFFECTS,
    "calibration": [
        _SIDE_BY_SIDE,
        {
            **_SIDE_BY_SIDE, "action": "sale-mail", "label": "proxy", "correction": _UNKNOWN, "calibrated": _UNKNOWN,
            "n_long": 0, "cycles_long": 0, "measured_until": None, "days_left": 42,
        },
    ],
    "permission_price": {
        "gain": {**_WORTH, "n": 9000}, "p_lost": 0.031, "horizon_days": 365, "price": _WORTH | {"mean": 5.2},
        "charged": 5.2,
        "channels": [
            {"channel": "email", "gain": {**_WORTH, "n": 9000}, "p_lost": 0.03, "price": _WORTH, "charged": 4.9},
            {"channel": "letter", "gain": {**_WORTH, "n": 4000}, "p_lost": 0.01, "price": _WORTH, "charged": 0.3},
        ],
    },
}  # fmt: skip
SEGMENTS: dict[str, Any] = {
    "rows": [
        {
            "segment": "loyal", "customers": 1200, "share": 0.274, "orders_365d_per_customer": 6.1,
            "money_365d_per_customer": 2100.0, "margin_365d_per_customer": 630.0, "recency_days": 21.0,
            "as_of": "2011-07-22",
        }
    ],
    "as_of": "2011-07-22",
}  # fmt: skip
VALUE: dict[str, Any] = {
    "rows": [
        {
            "segment": "loyal", "customers": 1200, "residual_value_money_per_customer": 310.0,
            "residual_value_money": 372_000.0, "share_of_value": 0.61, "as_of": "2011-07-22",
        }
    ],
    "as_of": "2011-07-22",
    "horizon_days": 365,
    "label": "a model's expectation, not yet calibrated against longer outcomes",
}  # fmt: skip
_ACTION = {
    "action": "voucher-mail", "channel": "email", "customers": 1500, "share": 0.34, "cost_money": 0.4,
    "cost_total_money": 600.0, "expected_gain_money": 640.0, "gain_lower": 500.0, "gain_upper": 780.0,
}  # fmt: skip
_LIMIT = {"limit": "budget", "bound": 900.0, "used": 899.6, "price": 0.12}
SHARED_LIMIT = _LIMIT | {"side": "maximum", "explored": 120.0, "kept": 9.0}
POLICY: dict[str, Any] = {
    "rows": [_ACTION],
    "as_of": "2011-07-22",
    "plan": "c9",
    "state": "proposed",
    "policy_version": "0123456789abcdef",
    "temperature_money": 0.03,
    "floor_share": 0.02,
    "control_share": 0.1,
    "limits": [_LIMIT],
}
LOOP: dict[str, Any] = {
    "rows": [
        {
            "cycle": 1, "decided_at": "2010-12-10T00:00:00+00:00", "plan": "c1", "decisions": 4383, "contacted": 800,
            "control": 3495, "universal_control": 88, "cost_money": 300.0, "observed": 4383, "gain_money": 812.4,
            "gain_lower": 700.0, "gain_upper": 924.8,
        },
        {
            "cycle": 2, "decided_at": "2011-01-07T00:00:00+00:00", "plan": "c2", "decisions": 4383, "contacted": 900,
            "control": 3395, "universal_control": 88, "cost_money": 310.0, "observed": 0, "gain_money": None,
            "gain_lower": None, "gain_upper": None,
        },
    ],
    "as_of": "2011-02-04",
    "level": 0.95,
    "currency": "GBP",
}  # fmt: skip
_STAGES = [
    {"stage": "customers", "customers": 4383, "excluded": 0, "reason": None},
    {"stage": "eligible", "customers": 4383, "excluded": 0, "reason": "outside the action's target group"},
    {"stage": "consented", "customers": 3732, "excluded": 651, "reason": "channel suppressed (bounce or complaint)"},
    {"stage": "under the cap", "customers": 3732, "excluded": 0, "reason": "contact cap over all channels reached"},
    {"stage": "contacted", "customers": 1500, "excluded": 2232, "reason": "another action, or none, was drawn"},
]
FUNNEL: dict[str, Any] = {"overall": _STAGES, "actions": [{"action": "voucher-mail", "stages": _STAGES}]}
CONTACTS: dict[str, Any] = {
    "schema": "alamo.report.contacts/1", "plan": "c9", "state": "proposed", "as_of": "2011-07-22T00:00:00+00:00",
    "rows": [{"action": action, **row} for action in (None, "voucher-mail") for row in _STAGES],
}  # fmt: skip
_SUMMARY = {
    "gain": {"mean": 640.0, "lower": 500.0, "upper": 780.0, "level": 0.95},
    "cost_money": 600.0,
    "customers": 4383,
    "contacted": 1500,
    "control": 2795,
    "universal_control": 88,
    "actions": [_ACTION],
    "limits": [_LIMIT],
    "excluded": {"no consent on record for the channel": 651},
    "funnel": FUNNEL,
}
PLAN: dict[str, Any] = {
    "plan_id": "c9",
    "cycle": 9,
    "state": "proposed",
    "policy_version": "0123456789abcdef",
    "created_at": "2011-07-22T00:00:00+00:00",
    "valid_until": "2011-07-29T00:00:00+00:00",
    "approved_by": None,
    "approved_at": None,
    "launched_by": None,
    "launched_at": None,
    "summary": _SUMMARY,
}
DIFF: dict[str, Any] = {
    "before": "c8",
    "after": "c9",
    "rows": [{"what": "price of budget", "before": None, "after": 0.12}],
    "moves": [{"from": "none", "to": "mail", "customers": 1234, "gain_money": 310.5, "cost_money": 61.7}],
    "same": 3149,
    "unscored": 3,
    "gain_change": {"mean": 310.5, "lower": -20.0, "upper": 641.0, "level": 0.95},
    "cost_change_money": 61.7,
    "currency": "GBP",
    "as_of": "2011-07-22T00:00:00+00:00",
}
CAPS_BY_VALUE: dict[str, Any] = {
    "kept_for_later": 310, "displaced_money": 42.0,
    "caps": [
        {"maximum": 1, "days": 28, "channel": "email", "charge_money": 0.4, "cycles_known": 7, "not_charged": None},
        {"maximum": 9, "days": 28, "charge_money": None, "cycles_known": 7, "not_charged": "it cannot keep out any"},
    ],
}  # fmt: skip
_LOSS = {"mean": 0.31, "se": 0.08, "lower": 0.15, "upper": 0.47, "n": 3900}
FATIGUE: dict[str, Any] = {"loss": _LOSS, "by_action": {"voucher-mail": _LOSS}, "lags": 3, "found": True}
QUIET: dict[str, Any] = {"time_zone": "Europe/Berlin", "zones": {"own": 91, "missing": 7, "unknown": 2}}
ADVICE: dict[str, Any] = {
    "plan": "c9",
    "cycle": 9,
    "as_of": "2011-07-22T00:00:00Z",
    "level": 0.95,
    "currency": "GBP",
    "rows": [
        {
            "limit": "e-mails", "side": "maximum", "use": "count", "bound": 50_000.0, "used": 50_000.0, "price": 0.31,
            "step": 10_000.0, "worth_money": 3_100.0, "worth_lower": 2_500.0, "worth_upper": 3_700.0,
            "steady_for": 24_000.0, "useful_for": 41_000.0, "lifted_money": 9_800.0,
            "curve": [
                {"bound": 25_000.0, "value_money": -9_000.0, "price": 0.5},
                {"bound": 50_000.0, "value_money": 0.0, "price": 0.31},
                {"bound": 91_000.0, "value_money": 9_800.0, "price": 0.0},
            ],
        },
        {
            "limit": "letters", "side": "minimum", "use": "count", "bound": 900.0, "used": 900.0, "price": -1.5,
            "step": 50.0, "worth_money": 74.0, "worth_lower": None, "worth_upper": None, "steady_for": 300.0,
            "useful_for": 700.0, "lifted_money": 612.0,
            "curve": [
                {"bound": 900.0, "value_money": 0.0, "price": -1.5},
                {"bound": 200.0, "value_money": 612.0, "price": 0.0},
            ],
        },
    ],
    "new_actions": [
        {
            "like": ["mail", "voucher-mail"], "customers": 3_900, "price_of_use_money": 0.31,
            "price_per_cost_money": 1.2, "first_money": 0.4, "half_money": 2.7,
        }
    ],
}  # fmt: skip
LAUNCH: dict[str, Any] = {"plan": "c9", "decisions": 50_000, "deliveries": {"sent": 12_345, "dropped": 2}}
STEP: dict[str, Any] = {
    "step": "measure",
    "cycle": 3,
    "changed": True,
    "seconds": 1.234,
    "as_of": "2011-02-04T00:00:00+00:00",
    "customers": 4383,
    "observations_matured": 4383,
    "margin_window_money": 12_345.6,
}
TURN: dict[str, Any] = {
    "cycle": 9,
    "steps": [STEP, {"step": "steer", "cycle": 9, "changed": False, "seconds": 0.0, "plan": "c9"}],
    "plan": {"id": "c9", "state": "proposed", "summary": _SUMMARY},
}
_OPTIONS = [
    {
        "action_id": "voucher-mail", "value_mean_money": 0.9, "value_sd_money": 0.2, "gross_money": 1.3,
        "cost_money": 0.4, "limits_money": 0.05, "net_money": 0.85, "p": 0.7,
    },
    {
        "action_id": "none", "value_mean_money": 0.0, "value_sd_money": 0.0, "gross_money": 0.0, "cost_money": 0.0,
        "limits_money": 0.0, "net_money": 0.0, "p": 0.3,
    },
]  # fmt: skip
DECISION: dict[str, Any] = {
    "customer_id": "13085",
    "decision_id": "d-1",
    "action_id": "voucher-mail",
    "reason": "best net value",
    "options": _OPTIONS,
}
EXPLANATION: dict[str, Any] = {
    **DECISION,
    "decided_at": "2011-07-22T00:00:00+00:00",
    "ineligible": [{"action_id": "sale-mail", "reason": "contact cap of the channel reached"}],
    "prices": [{"limit": "budget", "price": 0.12, "remaining": 310.0}],
    "block": 3,
    "rule": {"temperature_money": 0.03, "floor_share": 0.02, "control_share": 0.1},
    "draw": 0.412345,
    "p_action": 0.7,
    "currency": "GBP",
    "policy_version": "0123456789abcdef",
}
SIMULATION: dict[str, Any] = {
    "scenario": "shop",
    "seed": 1,
    "rows": [
        {
            "cycle": 1, "policy": "engine", "profit_true": 1000.0, "profit_estimate": 980.0, "lower": 800.0,
            "upper": 1160.0, "oracle_share": 0.81, "regret": 234.0, "learning_cost": 30.0, "limits_broken": 0,
        }
    ],
    "actions": [
        {
            "id": "sale-mail", "true_effect": -0.1, "estimate": -0.08, "lower": -0.2, "upper": 0.04, "share": 0.02,
            "floor": 0.02,
        }
    ],
    "coverage": {"pairs": 3, "missed": 0, "without_interval": 1},
}  # fmt: skip
STATUS: dict[str, Any] = {
    "project": "shop",
    "today": "2010-12-10T00:00:00Z",
    "data": {
        "events": 417_534, "customers": 4383, "first": "2009-12-01T07:45:00+00:00", "last": "2010-12-09T20:01:00+00:00",
        "imports": 1, "quarantined": 0,
    },
    "cycle": {
        "number": 1, "start": "2010-12-10T00:00:00Z", "next_start": "2011-01-07T00:00:00Z", "matured": [],
        "plan": None,
    },
    "support": [
        {"what": "lifetime value", "supported": True, "reason": "value model fitted"},
        {"what": "effects", "supported": False, "reason": "no randomised decisions so far, the next cycle starts them"},
    ],
    "next": "alamo run",
}  # fmt: skip
DOCTOR: dict[str, Any] = {
    "findings": [{"severity": "error", "what": "the state file is locked", "cure": "alamo status"}],
    "checks": 7,
}
CREATED: dict[str, Any] = {"project": "shop", "folder": "demo", "files": ["alamo.toml"], "next": "cd demo && alamo run"}
IMPORTED: dict[str, Any] = {
    "preview": True,
    "files": [
        {
            "file": "orders.parquet", "rows": 417_534, "quarantined": 1,
            "mapping": [
                {"column": "InvoiceDate", "field": "occurred_at", "how": "heading"},
                {"column": "Comment", "field": "", "how": "not used"},
            ],
            "sample": [{"row": 2, "customer_id": "13085", "occurred_at": "2010-01-01T07:45:00+00:00"}],
            "complaints": [
                {"reason": "price is not a number", "rows": 1, "first_rows": [13], "value": "abc"},
                {"reason": "occurred_at lies before 1970", "rows": 12, "first_rows": [2, 3, 4, 5, 6], "value": "1899"},
            ],
            "quarantine": [{"row": 13, "field": "Price", "value": "abc", "reason": "no number"}],
            "quarantine_file": "orders.quarantine.csv",
        }
    ],
}  # fmt: skip

SCORE_FIGURES = {"auc": 0.8, "log_loss": 0.27, "top_decile_lift": 4.5, "ece": 0.004}
SCORES: dict[str, Any] = {
    "rows": [{"fold": 1, **SCORE_FIGURES}],
    "pooled": SCORE_FIGURES,
    "intervals": [],
    "target": "y",
    "positive": "yes",
    "n": 41188,
    "base_rate": 0.11,
    "learners": {
        "log_loss": {"scorecard": 0.274, "trees": 0.271},
        "trees_weight": 0.9,
        "trees": 320,
        "calibration": "none",
    },
    "suspected_leaks": [{"column": "duration", "why": "at its low end <never>", "kept": False}],
    "with_suspects": SCORE_FIGURES | {"auc": 0.95},
    "without_suspects": SCORE_FIGURES,
    "forward": {"rows": [{"fold": 1, **SCORE_FIGURES}], "pooled": SCORE_FIGURES | {"auc": 0.738}},
    "drift": {"warning": True, "messages": ["forward in time the AUC is 0.738"]},
    "calibration_curve": [{"predicted": 0.1, "seen": 0.12, "lower": 0.1, "upper": 0.14, "n": 4119}],
    "drivers": [{"column": "euribor3m", "mean_log_odds": 0.3}],
    "refusals": [{"what": "3 rows", "reason": "without a target", "cure": "none needed"}],
}

_HEALTH = {
    "cycle": 4, "aspect": "calibration level", "subject": "voucher-mail", "expected": 3.17, "found": 1.65,
    "value": -1.52, "lower": -6.21, "upper": 3.16, "threshold": 0.0, "p_value": 1.0, "verdict": "holds", "n": 331,
    "reason": "as told", "model": "8c266f", "as_of": "2011-07-22T00:00:00+00:00",
}  # fmt: skip
_FEATURE = _HEALTH | {"aspect": "feature drift", "lower": None, "upper": None}
HEALTH: dict[str, Any] = {
    "rows": [
        _HEALTH,
        {**_HEALTH, "subject": "sale-mail", "value": -9.0, "upper": -2.5, "p_value": 1e-9, "verdict": "fails"},
        {**_HEALTH, "aspect": "calibration slope", "value": 0.4, "lower": 0.1, "upper": 0.7, "threshold": 1.0},
        {**_HEALTH, "aspect": "forecast", "subject": "programme"},
        {**_HEALTH, "aspect": "value forecast", "subject": "cycle 4: 28 days", "value": 0.85, "threshold": 1.0},
        {**_HEALTH, "aspect": "challenger", "subject": "segments", "value": -0.7, "verdict": "replace"},
        {**_HEALTH, "aspect": "challenger loss", "subject": "segments", "verdict": "no difference"},
        {**_FEATURE, "subject": "<returns>", "value": 0.3139, "threshold": 0.0018, "verdict": "fails"},
        {**_FEATURE, "subject": "country", "value": 0.0, "threshold": 0.0018},
        {
            **_HEALTH, "aspect": "effect drift", "value": None, "lower": None, "upper": None, "p_value": None,
            "verdict": "refused", "reason": "from the second cycle on",
        },
        {**_HEALTH, "aspect": "forecast", "subject": "programme", "cycle": 3},
    ],
    "as_of": "2011-07-22T00:00:00+00:00",
    "level": 0.95,
    "advice": {
        "retrain": True, "failing": 2, "why": ["1 finished cycle is not in the model yet"], "command": "alamo run",
    },
}  # fmt: skip
