"""What a person reads of a score, and the page with its pictures."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from tests.unit.cli.samples import SCORES

from alamo.cli.html.page import page
from alamo.cli.views.scores import next_product, scores


def shown(parts) -> str:
    out = StringIO()
    console = Console(file=out, width=140, highlight=False)
    for part in parts:
        console.print(part)
    return out.getvalue()


def test_the_score_says_what_to_be_wary_of():
    text = shown(scores(SCORES))
    said = [
        "P(y = yes) on 41,188 rows",
        "duration (left out)",
        "AUC with them 0.950, without 0.800",
        "0.738",
        "euribor3m",
    ]
    assert not [words for words in [*said, "10 % scorecard", "3 rows: without a target"] if words not in text], text


def test_a_refused_score_shows_the_refusal_alone():
    refused = {"rows": [], "refusals": [{"what": "churn score", "reason": "too few", "cure": "more rows"}]}
    assert shown(scores(refused)).split("\n")[:2] == ["Not answered", "  churn score: too few  → more rows"]


def test_the_page_draws_calibration_and_drivers():
    html = page("scores", SCORES)
    assert html.count("<svg") == 2
    assert "Predicted and seen shares differ by 0.40 %" in html
    assert "<script" not in html


def test_the_page_says_how_good_the_scores_are_and_what_speaks_against_them():
    html = page("scores", SCORES)
    assert "41,188 rows" in html
    assert "Known only after the outcome? duration (left out): at its low end &lt;never&gt;" in html
    assert "Drift: forward in time the AUC is 0.738" in html
    clean = page("scores", SCORES | {"suspected_leaks": [], "drift": {"warning": False, "messages": ["x"]}})
    assert 'class="warning"' not in clean
    intervals = [{"fold": None, "auc_lower": 0.7971, "auc_upper": 0.8123}]
    assert "(0.797 … 0.812) on rows not learnt from" in page("scores", SCORES | {"intervals": intervals})


def test_next_products_stand_beside_buy_again():
    hits = {"hit_rate_1": 0.47, "hit_rate_3": 0.7, "hit_rate_5": 0.78, "hit_rate_10": 0.87, "mrr": 0.61}
    gain = {"hit_rate_5": {"mean": 0.03, "lower": 0.013, "upper": 0.047}}
    text = shown(next_product({"rows": [{"method": "buy again", **hits}], "gain": gain, "customers_judged": 1277}))
    assert "buy again" in text
    assert "1.3 % … 4.7 %" in text
