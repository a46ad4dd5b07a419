"""The shapes of the planted premium: what earns it, how much, and when."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import ALL

import engine
from engine.bars.layout import Policy, build
from engine.core.panel import Panel
from engine.core.universe import Universe
from engine.plugins.sources import Simulated
from engine.plugins.sources._market import draw_market, draw_stocks, sector_paths
from engine.plugins.sources._planted import strength
from engine.testing import check_source

ALWAYS = {"late": 0.0, "delisted": 0.0, "suspended": 0.0}
COLUMNS = {
    "linear": ["planted"],
    "interaction": ["planted", "planted_2", "planted_score"],
    "regime": ["planted", "planted_score"],
    "drift": ["planted", "planted_2", "planted_score"],
}
SHAPES = [*COLUMNS]


def plant(shape: str, universe: Universe = ALL, **fields: Any) -> Panel:
    """A market of 40 names that all trade on each of 300 days, with a premium of a shape."""
    usual = {"n_symbols": 40, "n_days": 300, **ALWAYS, "planted_shape": shape}
    source = Simulated(**{**usual, **fields})
    return build(source.load(universe), universe, Policy(ohlc="raise"))[0]


def get_score(panel: Panel) -> engine.FloatArray:
    return panel["planted_score"] if "planted_score" in panel.fields else panel["planted"]


# --- linear, as ever -------------------------------------------------------------------


def test_the_linear_market_is_what_it_was_before_there_were_shapes() -> None:
    """Literals of the last version that knew no other; and it is what one gets unasked."""
    frame = Simulated(n_symbols=40, n_days=300).load(ALL)
    ends = frame["close"].iloc[[0, -1]].to_list()
    np.testing.assert_allclose(ends, [22.958538757224233, 12.68856384544843], rtol=1e-12)
    assert [name for name in frame if name.startswith("planted")] == ["planted"]


def test_linear_prices_are_the_former_formula_to_the_last_bit() -> None:
    """The formula written out, of nothing but what is drawn, and the strength that was solved."""
    names = [f"S{i:04d}" for i in range(40)]
    market = draw_market(7, 300, 0.16)
    stocks = draw_stocks(7, names, 300, 0.26, 0.5 ** (1 / 20), 1)
    sectors = sector_paths(7, stocks.sector, market, 0.10)
    b = strength(
        0.03,
        20,
        "linear",
        seed=7,
        days=300,
        market_vol=0.16,
        idio_vol=0.26,
        sector_vol=0.10,
        persistence=0.5 ** (1 / 20),
    )
    assert b == pytest.approx(0.01064801961183548, rel=1e-6)
    vol = market.multiplier[:, None] * stocks.vol
    returns = market.returns[:, None] * stocks.beta + sectors + vol * stocks.shock
    returns -= 0.5 * stocks.vol**2
    returns[1:] += b * (vol[1:] * stocks.signals[0][:-1])
    panel = plant("linear")
    close = stocks.price * np.exp(np.cumsum(returns, axis=0))
    np.testing.assert_array_equal(panel["close"], close)
    np.testing.assert_array_equal(panel["planted"], stocks.signals[0])


# --- signals and scores ----------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_publishes_its_columns_and_facts_name_the_one_that_earns(shape: str) -> None:
    panel = plant(shape)
    assert [name for name in panel.fields if name.startswith("planted")] == COLUMNS[shape]
    facts = Simulated(planted_shape=shape, planted_ic=0.04).facts(ALL)
    assert facts["planted"] == {"column": COLUMNS[shape][-1], "horizon": 20, "rank_ic": 0.04}


def test_all_shapes_have_the_same_first_signal() -> None:
    signal = plant("linear")["planted"]
    for shape in SHAPES:
        np.testing.assert_array_equal(plant(shape)["planted"], signal)
    np.testing.assert_array_equal(plant("drift")["planted_2"], plant("interaction")["planted_2"])


def test_the_second_signal_is_like_the_first_and_independent_of_it() -> None:
    """200 paths of about ten independent stretches each: an error of 1 / sqrt(2000) = 0.022."""
    panel = plant("interaction", n_symbols=200)
    one, two = panel["planted"], panel["planted_2"]
    assert abs(two.mean()) < 0.1
    assert abs(two.std() - 1.0) < 0.05
    assert abs((two[20:] * two[:-20]).mean() - 0.5) < 0.05
    assert abs((one * two).mean()) < 0.07


def test_interaction_is_the_product_of_the_signals() -> None:
    panel = plant("interaction")
    np.testing.assert_array_equal(panel["planted_score"], panel["planted"] * panel["planted_2"])


def test_regime_is_the_signal_in_calm_markets_and_its_opposite_in_others() -> None:
    panel = plant("regime", seed=3, n_days=1000)
    state = draw_market(3, 1000, 0.16).state
    shares = [(state == at).mean() for at in range(3)]
    assert min(shares) > 0.05  # calm, normal and turbulent days are all there
    calm = (state == 0)[:, None]
    wanted = np.where(calm, panel["planted"], -panel["planted"])
    np.testing.assert_array_equal(panel["planted_score"], wanted)


def test_drift_turns_from_the_first_signal_to_the_second_to_the_firsts_opposite() -> None:
    panel = plant("drift", n_days=301)
    score, one, two = (panel[name] for name in ("planted_score", "planted", "planted_2"))
    np.testing.assert_allclose(score[0], one[0], atol=1e-12)
    np.testing.assert_allclose(score[75], 0.5**0.5 * (one[75] + two[75]), atol=1e-12)
    np.testing.assert_allclose(score[150], two[150], atol=1e-12)
    np.testing.assert_allclose(score[225], 0.5**0.5 * (two[225] - one[225]), atol=1e-12)
    np.testing.assert_allclose(score[300], -one[300], atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_path_depends_on_neither_order_nor_company_in_any_shape(shape: str) -> None:
    many = plant(shape, Universe(symbols=["C", "A", "B"]))
    one = plant(shape, Universe(symbols=["B"]))
    turned = plant(shape, Universe(symbols=["B", "C", "A"]))
    for name in one.fields:
        np.testing.assert_array_equal(many[name][:, [1]], one[name])
        np.testing.assert_array_equal(many[name], turned[name])


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_keeps_the_contract_of_sources(shape: str) -> None:
    check_source(Simulated(n_symbols=8, n_days=120, planted_shape=shape, adjusted=False))


# --- what the score earns --------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_the_score_of_a_day_earns_on_the_next_and_on_no_other(shape: str) -> None:
    """Beside the same market without a premium: strength × volatility × yesterday's score."""
    panel, without = plant(shape, planted_ic=0.10), plant(shape, planted_ic=0.0)
    earned = np.diff(np.log(panel["close"] / without["close"]), axis=0)
    names = [f"S{i:04d}" for i in range(40)]
    own = draw_stocks(7, names, 300, 0.26, 0.5 ** (1 / 20), 1).vol
    vol = draw_market(7, 300, 0.16).multiplier[:, None] * own
    np.testing.assert_array_equal(panel["close"][0], without["close"][0])
    unit = vol[1:] * get_score(panel)[:-1]
    b = (earned * unit).sum() / (unit * unit).sum()
    assert b > 0.01
    np.testing.assert_allclose(earned, b * unit, atol=1e-12)


def measure_ic(signal: engine.FloatArray, close: engine.FloatArray, horizon: int) -> float:
    """Mean over all dates of the rank IC with the return from the close after the decision on."""
    label = close[1 + horizon :] / close[1:-horizon]
    ranks = [np.argsort(np.argsort(each, axis=1), axis=1) for each in (signal[: len(label)], label)]
    pairs = zip(*ranks, strict=True)  # nothing is tied
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


@pytest.mark.parametrize(
    ("shape", "ic"), [*((shape, 0.10) for shape in SHAPES), ("interaction", -0.10)]
)
def test_the_score_has_the_rank_ic_that_was_asked_for(shape: str, ic: float) -> None:
    """The mean of eight markets of 200 names over 494 dates, at a horizon of 5 days.

    A date's rank IC has an error of 1 / sqrt(199) = 0.071. Scores of half-life 20 and labels that
    overlap by 4 days of 5 add up to 1 + 2 (0.77 + 0.56 + 0.36 + 0.17) = 4.7 dates for each that is
    independent, at most: 0.0069 for a market, 0.0024 for eight. Three errors, and 1 percent of the
    strength (`REFERENCE`, `DATES`), are 0.0084.
    """
    fields = {"n_symbols": 200, "n_days": 500, "planted_ic": ic, "planted_horizon": 5}
    panels = [plant(shape, seed=seed, **fields) for seed in range(8)]
    ics = [measure_ic(get_score(panel), panel["close"], 5) for panel in panels]
    assert abs(np.mean(ics) - ic) < 0.0084


def test_signals_that_interact_say_nothing_alone() -> None:
    """Errors as above."""
    fields = {"n_symbols": 200, "n_days": 500, "planted_ic": 0.10, "planted_horizon": 5}
    panels = [plant("interaction", seed=seed, **fields) for seed in range(8)]
    for name in ("planted", "planted_2"):
        ics = [measure_ic(panel[name], panel["close"], 5) for panel in panels]
        assert abs(np.mean(ics)) < 0.0073


def test_a_shape_that_nobody_knows_is_named() -> None:
    with pytest.raises(engine.ConfigError, match=r"source\.planted_shape=cubic: choose"):
        Simulated(planted_shape="cubic")


def test_a_rank_ic_out_of_reach_is_named_in_any_shape() -> None:
    for shape in SHAPES:
        with pytest.raises(engine.ConfigError, match=r"planted_ic=0\.5 is out of reach"):
            plant(shape, planted_ic=0.5, planted_halflife=0.1)
