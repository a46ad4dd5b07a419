"""Each shape of planted premium is found by the model made for it, and better than by ridge.

Walk-forward, purged and embargoed, on two hundred names over six years; what is compared is the
rank IC of each date. The difference of two models is judged by the p-value of its mean, with the
errors of Newey & West over three horizons: what is called better would come of two equal models
in one of a thousand samples. Bounds of the shares that are found leave room beyond the worst of
five seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from builders import ALL

import engine
from engine.bars.layout import Policy, build
from engine.core.panel import Panel
from engine.forecasts import Label, Labels, Validation, walk_forward
from engine.plugins.models.factor_rotation import FactorRotation
from engine.plugins.models.online import Online
from engine.plugins.models.random_forest import RandomForest
from engine.plugins.models.regime_switch import RegimeSwitch
from engine.plugins.models.ridge import Ridge
from engine.plugins.regimes import Threshold
from engine.plugins.sources import Simulated
from engine.study import newey_west_t, overlap_lags, rank_ic

HORIZON, NOISE = 5, 3
SIGNIFICANT = 0.001
VALIDATION = Validation(n_splits=4, min_train=504, embargo=5)
FOREST = RandomForest(trees=40)
ROTATION = FactorRotation(half_life=63)
ONLINE = Online(half_life=63.0)
SWITCH = RegimeSwitch(model=Ridge())
BY_VIX = Threshold(cutoffs="absolute", levels=[9.0, 10.0], vix_levels=[14.5, 25.0])


@dataclass(frozen=True, eq=False)
class Market:
    """A simulated market, what a model is shown of it, and what there is to find."""

    panel: Panel
    features: Mapping[str, engine.FloatArray]
    labels: Labels
    truth: engine.FloatArray
    """Rank IC of what earns the premium, by date, shape (T,)."""

    def rank(self, model: engine.Model) -> engine.FloatArray:
        """Rank IC of a model's forecasts by date, shape (T,); NaN before the first."""
        chance = BY_VIX.probabilities(self.panel)
        made = walk_forward(
            self.features,
            self.labels,
            model,
            VALIDATION,
            seed=0,
            where=self.panel.present,
            regimes=dict(zip(BY_VIX.states, chance.T, strict=True)),
        )
        return rank_ic(made.values, self.labels.values)

    def find_share(self, found: engine.FloatArray) -> float:
        """Mean rank IC that was found, over that of what earns the premium on the same dates."""
        known = np.isfinite(found)
        return float(found[known].mean() / self.truth[known].mean())


def open_market(shape: str) -> Market:
    """Two hundred names over six years: the signals, and features that say nothing."""
    source = Simulated(
        seed=7, n_days=1500, planted_ic=0.10, planted_horizon=HORIZON, planted_shape=shape
    )
    panel = build(source.load(ALL), ALL, Policy(ohlc="raise"), source.series(ALL))[0]
    labels = Label(horizon=HORIZON).compute(panel)
    draw = np.random.default_rng(0).standard_normal
    features = {name: panel[name] for name in ("planted", "planted_2") if name in panel.fields}
    features |= {f"noise_{i}": draw(panel.shape) for i in range(NOISE)}
    score = panel[source.facts(ALL)["planted"]["column"]]
    return Market(panel, features, labels, rank_ic(score, labels.values))


def is_better(one: engine.FloatArray, other: engine.FloatArray) -> bool:
    """Whether the mean difference is above 0, and too far for chance."""
    test = newey_west_t(one - other, overlap_lags(HORIZON))
    return test.mean > 0.0 and test.p < SIGNIFICANT


def test_ridge_finds_a_linear_premium_and_nothing_finds_more() -> None:
    """The control, too: models made for other shapes are not better where there is none."""
    market = open_market("linear")
    ridge = market.rank(Ridge())
    assert market.find_share(ridge) > 0.95
    for model in (FOREST, SWITCH, ROTATION):
        assert not is_better(market.rank(model), ridge)


def test_trees_find_an_interaction_that_ridge_cannot_see() -> None:
    market = open_market("interaction")
    ridge, trees = market.rank(Ridge()), market.rank(FOREST)
    assert abs(market.find_share(ridge)) < 0.2
    assert market.find_share(trees) > 0.45
    assert is_better(trees, ridge)


def test_a_switch_of_ridges_finds_a_premium_that_depends_on_the_regime() -> None:
    """States are told by the VIX up to the date: some days late, and never by what comes after."""
    market = open_market("regime")
    ridge, switch = market.rank(Ridge()), market.rank(SWITCH)
    assert market.find_share(ridge) < 0.4
    assert market.find_share(switch) > 0.6
    assert is_better(switch, ridge)


def test_rotation_and_online_follow_a_premium_that_drifts_away_from_ridge() -> None:
    market = open_market("drift")
    ridge, rotation, online = map(market.rank, (Ridge(), ROTATION, ONLINE))
    assert market.find_share(ridge) < 0.6
    for found in (rotation, online):
        assert market.find_share(found) > 0.75
        assert is_better(found, ridge)
    assert is_better(online, rotation)  # it learns between trainings, too
