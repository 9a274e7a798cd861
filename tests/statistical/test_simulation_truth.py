"""The simulator's truth against brute force: what it says an action does is what happens when the market is played."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, t
from tests.unit.simulation.markets import action, batch, scenario, world

from alamo.domain.settings import OutcomeSettings
from alamo.inference.lifetime_value import NoResidualValue
from alamo.simulation.counterfactual import CycleRecord
from alamo.simulation.decision_log import NOBODY, DecisionLog
from alamo.simulation.long_truth import Terms, long_effects
from alamo.simulation.purchases import natural_cycle
from alamo.simulation.response import UNTREATED, answer, answer_draws, settle_debts
from alamo.simulation.state import MarketState
from alamo.simulation.truth import outcome_effects, true_profits

pytestmark = pytest.mark.statistical

ACTIONS = (
    action("won", effect={"mean": 0.04, "spread": 0.03, "by": ["recency"]}),
    action("lost", effect={"mean": -0.04, "spread": 0.02, "by": ["hidden"]}),
    action("more", effect={"mean": 0.06, "on": "orders", "spread": 0.02, "by": ["money"]}),
    action("fewer", effect={"mean": -0.05, "on": "orders"}),
    action("larger", effect={"mean": 0.2, "on": "spend", "spread": 0.1, "by": ["frequency"]}),
    action("smaller", effect={"mean": -0.3, "on": "spend"}),
    action("earlier", effect={"mean": 0.05}, pulls_forward=0.7),
)
KEYS = {"customers": 3000, "purchase": {"rate_per_year": 8.0, "dropout": 0.15}, "outcome": {"window_days": 21}}
SIGMAS = 4.0
"""Standard errors a difference may lie off: 1 in 16,000 by chance, for 14 comparisons."""


class Staying:
    """A residual value with the shape of the real one: grows with frequency and value, falls with silence."""

    version = "test"

    def residual_value_money(self, x, t_x, t, repeat_money):
        return 0.3 * repeat_money * (x + 0.5) / (t + 60.0) * 90.0 * np.exp(-(t - t_x) / 120.0)


def in_debt(place):
    """The same market with every third customer owing a purchase, to reach the rarer branches."""
    state = place.view().state
    owes = state.alive & (np.arange(len(state.alive)) % 3 == 0)
    place._state = MarketState(state.alive, state.ledger, owes, state.owes_money, state.withdrawn, state.contacts)
    place._view = None
    return place


def worth(place, purchases):
    window_end = place.view().first_day + place.scenario.window_days
    inside = purchases.where(purchases.day < window_end)
    books = place.view().state.ledger.after(inside)
    money = np.bincount(inside.customer, weights=inside.money, minlength=len(books.total))
    return place.scenario.margin.rate * money + Staying().residual_value_money(*books.statistics(window_end))


def played_effects(place, replications):
    """Mean over customers of Y(a) − Y(none), one number per replication and action, by playing the cycle."""
    view, latents = place.view(), place.population.latents
    n, actions = len(place.population), place.scenario.actions
    out = np.zeros((replications, len(actions)))
    for r in range(replications):
        rng = np.random.default_rng([7, r])
        settled = settle_debts(natural_cycle(latents, view.state.alive, view.season, 0, rng).purchases, view.state)
        parts = (view.state, view.outlook, answer_draws(latents, 0, len(view.season), rng))
        nobody = answer(settled, np.full(n, UNTREATED), view.effects, actions, parts)
        for a, simulated in enumerate(actions):
            everybody = answer(settled, np.full(n, a), view.effects, actions, parts)
            difference = worth(place, everybody.purchases) - worth(place, nobody.purchases)
            out[r, a] = difference.mean() - simulated.cost
    return out


@pytest.mark.parametrize("prepare", [lambda place: place, in_debt], ids=["fresh", "in debt"])
def test_the_estimand_is_the_mean_difference_of_played_outcomes(n_seeds, prepare):
    place = prepare(world(scenario(*ACTIONS, **KEYS)))
    played = played_effects(place, 5 * n_seeds)
    said = said_effects(place, 3 * n_seeds)
    error = np.hypot(standard_error(played), standard_error(said))
    # the errors are estimated from the replications themselves: Student's quantile where the normal one is meant
    quantile = t.ppf(norm.cdf(SIGMAS), len(said) - 1)
    assert (np.abs(played.mean(axis=0) - said.mean(axis=0)) < quantile * error).all()


def said_effects(place, replications):
    """Each replicate of the simulator's own estimand, shape (replications, actions)."""
    means = [outcome_effects(place, Staying(), replicates=k).mean(axis=0) for k in range(1, replications + 1)]
    costs = np.array([simulated.cost for simulated in place.scenario.actions])
    sums = np.array([k * (mean + costs) for k, mean in enumerate(means, 1)])
    return np.diff(sums, axis=0, prepend=0.0) - costs


def standard_error(replicates):
    return replicates.std(axis=0, ddof=1) / np.sqrt(len(replicates))


def test_the_estimands_own_error_is_far_below_what_an_experiment_could_see():
    place = world(scenario(*ACTIONS, **KEYS))
    view, latents = place.view(), place.population.latents
    natural = natural_cycle(latents, view.state.alive, view.season, 0, np.random.default_rng(1)).purchases
    experiment_se = 2 * worth(place, natural).std() / np.sqrt(len(place.population))  # two equal arms of all customers
    said = [outcome_effects(place, Staying(), replicates=k).mean(axis=0) for k in (4, 8)]
    assert (np.abs(said[0] - said[1]) < experiment_se / 10).all()


def money_made(place):
    return place.view().state.ledger.total.sum() * place.scenario.margin.rate


@pytest.mark.parametrize("index", range(len(ACTIONS)), ids=[entry["id"] for entry in ACTIONS])
def test_profit_adds_up_over_the_life_of_the_market(index, n_seeds):
    """Contact everybody once, let 26 cycles pass so that what was pulled forward is missing, and count the money."""
    differences = []
    for seed in range(1, n_seeds + 1):
        market = scenario(ACTIONS[index], **(KEYS | {"customers": 1000}))
        calm, loud = world(market, seed), world(market, seed)
        said = true_profits(loud)[:, 0].sum()
        loud.receive(batch(loud, ACTIONS[index]["id"], loud.population.ids))
        for _ in range(26):
            calm.advance()
            loud.advance()
        differences.append(money_made(loud) - money_made(calm) - 1000 * ACTIONS[index]["cost"] - said)
    se = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert abs(np.mean(differences)) < SIGMAS * se


def test_the_long_run_truth_is_what_randomised_draws_show(n_seeds):
    """A policy that looks at the customer is played only about right; what it misses comes from the log."""
    errors, corrections = [], []
    for seed in range(1, 5 * n_seeds + 1):
        place, records, seen = randomised(seed)
        truth = long_effects(place, records, Terms(lambda cycle: NoResidualValue(), lambda cycle: None))
        errors.append(shown_by_the_log(records[0].log, seen) - truth.by_cycle[0, 0])
        corrections.append(truth.se[0])
    se = np.std(errors, ddof=1) / np.sqrt(len(errors))
    assert abs(np.mean(errors)) < SIGMAS * se
    assert 0 < np.mean(corrections) < 0.5 * np.std(errors)


def randomised(seed, customers=500, cycles=4):
    """Four cycles of a policy that likes those who bought lately; what each customer brought since the first."""
    keys = {"customers": customers, "consent": {"email": 1.0}, "purchase": {"rate_per_year": 12.0}}
    place = world(scenario(action("mail", effect={"mean": 0.2}, fatigue=0.2), **keys), seed)
    place.scenario = replace(place.scenario, outcome=OutcomeSettings(long_days=28 * cycles, discount_rate_per_year=0.0))
    rng, records, bought, paid = np.random.default_rng(seed), [], np.zeros(customers), np.zeros(customers)
    for cycle in range(cycles):
        state = place.view().state
        lately = state.ledger.last_day > place.view().first_day - 60
        chance = np.where(lately, 0.7, 0.2) * ~state.withdrawn[:, 0]
        drawn = np.where(rng.random(customers) < 1 - chance, NOBODY, 0)
        log = DecisionLog(
            np.arange(customers), drawn, (chance > 0)[:, None], chance[:, None], np.zeros(customers, bool)
        )
        place.receive(batch(place, "mail", [place.population.ids[i] for i in np.flatnonzero(drawn == 0)], f"b{cycle}"))
        records.append(CycleRecord.of(place, log))
        before = state.ledger.total
        place.advance()
        bought += place.view().state.ledger.total - before
        paid += 0.1 * (drawn == 0)
    return place, records, place.scenario.margin.rate * bought - paid


def shown_by_the_log(log, seen):
    """The inverse-propensity estimate of the action's effect on what was really seen."""
    p = log.p[:, 0]
    return float(np.mean(np.where(log.drawn == 0, seen / p, 0.0) - np.where(log.drawn == NOBODY, seen / (1 - p), 0.0)))
