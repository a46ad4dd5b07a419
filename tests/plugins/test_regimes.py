"""Built-in regimes: filtered, ordered by volatility, never looking ahead."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from builders import NAN
from scipy import stats

import engine
from engine.plugins.regimes import register_regimes
from engine.plugins.regimes._volatility import rolling_volatility, weighted_volatility
from engine.plugins.regimes.hmm import HiddenMarkov, _filter, _log_density, _Parameters
from engine.plugins.regimes.threshold import Threshold

QUICK = {"min_train": 120, "refit_every": 60, "n_init": 2, "max_iter": 40}
ALL = [
    Threshold(min_history=60),
    Threshold(cutoffs="absolute", weighting="ewma"),
    HiddenMarkov(**QUICK),
    HiddenMarkov(n_states=2, **QUICK),
]


def market_of(market, N=4, seed=0, series=None):
    """A panel whose equal-weighted market return is about `market`."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.002, (len(market), N))
    growth = np.asarray(market)[:, None] + noise
    growth[0] = 0.0
    return engine.Panel(
        dates=pd.bdate_range("2015-01-01", periods=len(market), tz="UTC"),
        symbols=tuple(f"S{i}" for i in range(N)),
        fields={"close": 100 * np.cumprod(1 + growth, axis=0)},
        series=series or {},
    )


def switching(T=360, length=60, seed=0):
    """Market returns whose daily deviation goes 0.4%, 1%, 2.5%, and over again; and the state."""
    state = np.arange(T) // length % 3
    return np.random.default_rng(seed).normal(0, np.array([0.004, 0.01, 0.025])[state]), state


def test_the_room_lists_its_regimes():
    assert [regime.name for regime in register_regimes()] == ["threshold", "hmm"]


@pytest.mark.parametrize("regime", ALL, ids=repr)
def test_rows_sum_to_one_or_are_unknown(regime):
    p = regime.probabilities(market_of(switching()[0]))
    assert p.shape == (360, len(regime.states))
    known = np.isfinite(p).all(axis=1)
    assert known.sum() > 200
    assert np.isnan(p[~known]).all()
    np.testing.assert_allclose(p[known].sum(axis=1), 1.0, atol=1e-12)
    assert (p[known] >= 0).all()


@pytest.mark.parametrize("regime", ALL, ids=repr)
def test_nothing_after_t_moves_a_probability_up_to_t(regime):
    """Data cut at t, and data garbled after t, give the same rows up to t, bit for bit."""
    panel = market_of(switching()[0])
    full = regime.probabilities(panel)
    for stop in (5, 141, 200, 201, 299):
        np.testing.assert_array_equal(regime.probabilities(panel.cut(stop)), full[:stop])
    wild = panel["close"].copy()
    wild[250:] *= np.random.default_rng(1).lognormal(size=wild[250:].shape)
    garbled = regime.probabilities(panel.with_fields({"close": wild}))
    np.testing.assert_array_equal(garbled[:250], full[:250])


@pytest.mark.parametrize("regime", ALL, ids=repr)
def test_the_order_of_symbols_does_not_matter(regime):
    panel = market_of(switching()[0])
    moved = regime.probabilities(panel.take([2, 0, 3, 1]))
    np.testing.assert_allclose(moved, regime.probabilities(panel), atol=1e-6)


def test_rolling_volatility_is_the_root_mean_square_of_known_returns():
    returns = np.array([NAN, 0.03, NAN, 0.04, 0.0, NAN])
    expected = np.sqrt(252 * np.array([NAN, NAN, NAN, 0.0025 / 2, 0.0016 / 2, 0.0016 / 2]))
    np.testing.assert_allclose(rolling_volatility(returns, 2, 252.0), expected)


def test_weighted_volatility_fades_by_its_span():
    returns = np.array([0.01, 0.02, 0.03])
    weights = np.array([0.25, 0.5, 1.0])  # 1 - 2 / (3 + 1) a day
    expected = np.sqrt(252 * (weights * returns**2).sum() / weights.sum())
    np.testing.assert_allclose(weighted_volatility(returns, 3, 252.0), [NAN, NAN, expected])


def test_absolute_levels_cut_the_volatility():
    steps = np.array([0.0, *[0.004] * 5, *[0.01] * 5, *[0.03] * 5]) * np.array([1, -1] * 8)
    p = Threshold(window=2, cutoffs="absolute", levels=[0.12, 0.3]).probabilities(
        market_of(steps, N=1, seed=1)
    )
    assert p[4].tolist() == [1, 0, 0]
    assert p[9].tolist() == [0, 1, 0]
    assert p[15].tolist() == [0, 0, 1]
    assert np.isnan(p[:2]).all()


def test_levels_are_per_year_whatever_a_row_is():
    """Rows of 2 %: 32 % a year by weekdays, 38 % by all days, 7 % by months."""
    for freq, state in (("B", 1), ("D", 2), ("ME", 0)):
        dates = pd.date_range("2020-01-01", periods=40, freq=freq, tz="UTC")
        close = 100.0 * np.cumprod(1.0 + 0.02 * np.array([1, -1] * 20))[:, None]
        panel = engine.Panel(dates, ("A",), {"close": close})
        p = Threshold(cutoffs="absolute", levels=[0.12, 0.35]).probabilities(panel)
        assert p[-1].argmax() == state


def test_quantiles_are_those_of_the_volatility_so_far():
    panel = market_of(switching()[0])
    regime = Threshold(min_history=60, quantiles=[0.4, 0.8])
    p, volatility = regime.probabilities(panel), rolling_volatility(panel.market, 20, 252.0)
    for t in range(360):
        past = volatility[: t + 1][np.isfinite(volatility[: t + 1])]
        if len(past) < 60:
            assert np.isnan(p[t]).all()
        else:
            low, high = np.quantile(past, [0.4, 0.8])
            assert p[t].argmax() == int(past[-1] >= low) + int(past[-1] >= high)


def test_a_high_vix_makes_a_calm_market_turbulent():
    steps = np.full(40, 0.001)
    vix = np.full(40, 12.0)
    vix[30:33] = [20.0, 30.0, NAN]
    regime = Threshold(cutoffs="absolute")
    states = regime.probabilities(market_of(steps, series={"vix": vix})).argmax(axis=1)
    assert states[29:34].tolist() == [0, 1, 2, 0, 0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"levels": [0.3, 0.2]}, r"regime.levels=\[0.3, 0.2\]"),
        ({"vix_levels": [20.0]}, "regime.vix_levels"),
        ({"quantiles": [0.5, 1.5]}, "regime.quantiles"),
    ],
)
def test_wrong_cutoffs_are_named(fields, message):
    with pytest.raises(engine.ConfigError, match=message):
        Threshold(**fields)


def test_hmm_has_two_or_three_states():
    with pytest.raises(engine.ConfigError, match="n_states=4"):
        HiddenMarkov(n_states=4)


def model_of_two():
    return _Parameters(
        np.array([0.6, 0.4]),
        np.array([[0.9, 0.1], [0.2, 0.8]]),
        np.array([[0.0, -1.0], [0.1, 1.0]]),
        np.array([[[1.0, 0.2], [0.2, 0.5]], [[2.0, -0.3], [-0.3, 1.0]]]),
    )


def test_the_filter_agrees_with_the_sum_over_all_paths():
    """P(state at t | x up to t) by brute force: every path of states, weighted."""
    model, x = model_of_two(), np.random.default_rng(0).normal(size=(6, 2))
    density = np.column_stack(
        [
            stats.multivariate_normal(m, c).pdf(x)
            for m, c in zip(model.mean, model.covariance, strict=True)
        ]
    )
    for t in range(6):
        mass = np.zeros(2)
        for path in product(range(2), repeat=t + 1):
            weight = model.start[path[0]] * density[0, path[0]]
            for s in range(1, t + 1):
                weight *= model.transition[path[s - 1], path[s]] * density[s, path[s]]
            mass[path[-1]] += weight
        filtered = _filter(x, np.ones(6, bool), model)[t]
        np.testing.assert_allclose(filtered, mass / mass.sum(), atol=1e-12)


def test_densities_agree_with_scipy():
    model, x = model_of_two(), np.random.default_rng(0).normal(size=(9, 2))
    expected = [
        stats.multivariate_normal(m, c).logpdf(x)
        for m, c in zip(model.mean, model.covariance, strict=True)
    ]
    np.testing.assert_allclose(_log_density(x, model) - np.log(2 * np.pi), np.transpose(expected))


def test_densities_of_four_observations_agree_with_scipy():
    random = np.random.default_rng(4)
    root = random.normal(size=(3, 4, 4))
    covariance = root @ root.transpose(0, 2, 1) + 0.1 * np.eye(4)
    model = _Parameters(np.full(3, 1 / 3), np.eye(3), random.normal(size=(3, 4)), covariance)
    x = random.normal(size=(9, 4))
    expected = [
        stats.multivariate_normal(m, c).logpdf(x)
        for m, c in zip(model.mean, covariance, strict=True)
    ]
    got = _log_density(x, model) - 2 * np.log(2 * np.pi)
    np.testing.assert_allclose(got, np.transpose(expected))


def test_hmm_observes_a_series_and_refuses_one_that_is_not_there():
    """A series that tells the states apart moves them; it is causal like the rest."""
    market, state = switching(T=720)
    plain = market_of(market)
    panel = replace(plain, series={"vix": 15.0 + 10.0 * state + np.sin(np.arange(720.0))})
    words = {**QUICK, "min_train": 300}
    without = HiddenMarkov(vol_window=5, **words).probabilities(panel)
    regime = HiddenMarkov(vol_window=5, series=["vix"], **words)
    p = regime.probabilities(panel)
    known = np.isfinite(p).all(axis=1)
    right = (p[known].argmax(axis=1) == state[known]).mean()
    assert right > 0.95 > (without[known].argmax(axis=1) == state[known]).mean()
    cut = regime.probabilities(panel.cut(500))
    np.testing.assert_array_equal(cut, p[:500])
    with pytest.raises(engine.ConfigError, match="no market-wide series 'vix', they have none"):
        regime.probabilities(plain)


def test_a_date_without_an_observation_carries_the_prediction():
    model, x = model_of_two(), np.array([[0.5, 0.5], [NAN, NAN], [0.0, 0.0]])
    p = _filter(x, np.array([True, False, True]), model)
    np.testing.assert_allclose(p[1], p[0] @ model.transition, atol=1e-15)


def test_the_filter_survives_an_observation_far_from_every_state():
    x = np.array([[0.0, 0.0], [1e4, 1e4], [0.0, 0.0]])
    p = _filter(x, np.ones(3, bool), model_of_two())
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


def test_hmm_states_rise_in_volatility_through_every_refit():
    """Names never swap: in each stretch between refits the calm days are calmer."""
    panel = market_of(switching(T=720)[0])
    regime = HiddenMarkov(vol_window=10, **{**QUICK, "min_train": 200})
    p = regime.probabilities(panel)
    volatility = rolling_volatility(panel.market, 10, 252.0)
    for start in range(220, 660, 180):
        stretch = slice(start, start + 180)
        mean = [(p[stretch, s] * volatility[stretch]).sum() / p[stretch, s].sum() for s in range(3)]
        assert mean[0] < mean[1] < mean[2]


def test_hmm_finds_the_planted_states():
    market, state = switching(T=720)
    p = HiddenMarkov(vol_window=5, **{**QUICK, "min_train": 300}).probabilities(market_of(market))
    known = np.isfinite(p).all(axis=1)
    assert (p[known].argmax(axis=1) == state[known]).mean() > 0.8


def test_hmm_gives_the_same_bytes_twice():
    panel, regime = market_of(switching()[0]), HiddenMarkov(**QUICK)
    np.testing.assert_array_equal(regime.probabilities(panel), regime.probabilities(panel))


@pytest.mark.parametrize("market", [np.zeros(300), np.full(300, NAN)], ids=["flat", "empty"])
def test_hmm_knows_nothing_of_a_market_that_does_not_move(market):
    panel = engine.Panel(
        dates=pd.bdate_range("2015-01-01", periods=300, tz="UTC"),
        symbols=("A",),
        fields={"close": (1.0 + market)[:, None]},
    )
    assert np.isnan(HiddenMarkov(**QUICK).probabilities(panel)).all()


@pytest.fixture(scope="module")
def us_liquid(shared):
    path = shared("data/us_liquid200_2014_2020.parquet")
    frame = pd.read_parquet(path, columns=["date", "symbol", "close"])
    frame = frame.rename(columns={"date": "timestamp"})
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
    return engine.Panel.from_long(frame)


@pytest.mark.parametrize(
    "regime",
    [Threshold(), Threshold(cutoffs="absolute"), HiddenMarkov(refit_every=252)],
    ids=["quantile", "absolute", "hmm"],
)
def test_march_2020_was_turbulent_and_2017_calm(regime, us_liquid):
    p = pd.DataFrame(
        regime.probabilities(us_liquid), index=us_liquid.dates, columns=list(regime.states)
    )
    assert p.loc["2020-03-10":"2020-04-10", "turbulent"].mean() > 0.95
    assert p.loc["2017", "calm"].mean() > 0.9
