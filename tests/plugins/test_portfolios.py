"""Target weights: literal cross-sections, and what must hold for any of them."""

import logging
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import DAILY, FREE, NAN, panel_of
from orders import (
    assert_the_same_before,
    assert_the_same_in_any_order,
    assert_the_same_when_cut,
    assert_whole_rows,
)

import engine
from engine.account import simulate
from engine.account.options import Backtest
from engine.account.plan import Plan
from engine.account.simulation import decide_all
from engine.plugins.portfolios import LongOnlyTop, QuantileLongShort, register_portfolios


def one_day(portfolio, signal, exposure=1.0, **panel):
    signal = np.array([signal], float)
    flat = panel_of(np.ones(signal.shape), **panel)
    return decide_all(portfolio, signal, flat, np.array([exposure]))[0].tolist()


def walk(seed=0, shape=(150, 12)):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    close[rng.random(shape) < 0.03] = NAN
    signal = np.round(rng.normal(size=shape), 1)  # with ties
    signal[rng.random(shape) < 0.1] = NAN
    exposure = rng.choice([0.3, 0.7, 1.0], shape[0])
    return signal, panel_of(close, start="2024-01-01", sectors="xyz" * (shape[1] // 3)), exposure


EVERYTHING = [
    QuantileLongShort(**DAILY),
    QuantileLongShort(rebalance="weekly", weighting="score", gross=2.0, net=0.5, quantile=0.4),
    QuantileLongShort(rebalance="every_n", every=3, weighting="inverse_vol", vol_window=10),
    QuantileLongShort(sector_neutral=True, quantile=0.4, tranches=3, **DAILY),
    QuantileLongShort(no_trade_band=0.03, max_turnover=0.4, quantile=0.4, **DAILY),
    LongOnlyTop(rebalance="monthly", top_n=3, weighting="score"),
    LongOnlyTop(quantile=0.5, no_trade_band=0.02, max_turnover=0.3, tranches=2, **DAILY),
]


def test_the_room_lists_its_portfolios():
    assert {cls.name for cls in register_portfolios()} == {
        "factor_neutral",
        "hrp",
        "long_only_top",
        "max_diversification",
        "mean_variance",
        "quantile_long_short",
        "risk_parity",
    }


def test_top_and_bottom_quantile_share_the_gross_equally():
    got = one_day(QuantileLongShort(quantile=0.4), [5.0, 1.0, 3.0, 2.0, 4.0])
    assert got == [0.25, -0.25, 0.0, -0.25, 0.25]


def test_gross_and_net_set_the_sides():
    got = one_day(QuantileLongShort(quantile=0.5, gross=2.0, net=1.0), [4.0, 3.0, 2.0, 1.0])
    assert got == [0.75, 0.75, -0.25, -0.25]


def test_score_weights_by_distance_from_the_median():
    got = one_day(QuantileLongShort(quantile=0.4, weighting="score"), [1.0, 2.0, 3.0, 4.0, 7.0])
    np.testing.assert_allclose(got, [-1 / 3, -1 / 6, 0.0, 0.1, 0.4])


def test_equal_scores_are_equal_weights():
    third = 1.0 / 3.0
    got = one_day(LongOnlyTop(top_n=2, weighting="score"), [1.0, 1.0, 1.0])
    np.testing.assert_allclose(got, [third] * 3)


def test_inverse_volatility_skips_names_without_a_volatility():
    close = np.ones((41, 3))
    close[1::2, 0] = 1.01
    close[1::2, 1] = 1.02  # C never moves
    signal = np.tile([1.0, 2.0, 3.0], (41, 1))
    portfolio = LongOnlyTop(quantile=1.0, weighting="inverse_vol", vol_window=40, **DAILY)
    panel = panel_of(close)
    got = decide_all(portfolio, signal, panel, np.ones(41))[-1]
    spread = pd.DataFrame(panel.returns[1:]).std().to_numpy()
    np.testing.assert_allclose(got[0] / got[1], spread[1] / spread[0])
    assert got[2] == 0.0
    assert got.sum() == pytest.approx(1.0)


def test_a_cap_hands_the_excess_to_the_others_until_none_exceeds_it():
    got = one_day(
        LongOnlyTop(top_n=4, weighting="score", max_weight=0.4),
        [0.0, 0.0, 1.0, 3.0, 10.0, 0.0, 0.0],
    )
    # 10/14, 3/14, 1/14, 0: 0.4 | then 0.45 → 0.4 | then the rest
    np.testing.assert_allclose(got[2:5], [0.2, 0.4, 0.4])


def test_a_cap_that_cannot_be_met_is_refused_with_the_numbers():
    with pytest.raises(
        engine.ConfigError, match=r"0\.2 × 2 names = 0\.4 .* the 0\.5 .* write 0\.25"
    ):
        one_day(QuantileLongShort(quantile=0.4, max_weight=0.2), [1.0, 2.0, 3.0, 4.0, 5.0])


def test_a_cap_that_is_just_met_fills_every_name():
    got = one_day(
        LongOnlyTop(quantile=1.0, weighting="score", max_weight=0.25), [1.0, 2.0, 4.0, 9.0]
    )
    np.testing.assert_allclose(got, 0.25)


def test_sectors_are_as_large_long_as_short():
    signal = [9.0, 8.0, 7.0, 6.0, 2.0, 1.0, 5.0]
    portfolio = QuantileLongShort(quantile=0.2, sector_neutral=True, weighting="score")
    got = np.array(one_day(portfolio, signal, sectors=["x", "x", "x", "x", "y", "y", "z"]))
    np.testing.assert_allclose(got, [0.25, 0.0, 0.0, -0.25, 0.25, -0.25, 0.0])


def test_a_sector_counts_by_its_names():
    signal = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 2.0, 1.0]
    portfolio = QuantileLongShort(quantile=0.4, sector_neutral=True)
    got = one_day(portfolio, signal, sectors=["x"] * 6 + ["y"] * 2)
    sixth = 1.0 / 6.0
    np.testing.assert_allclose(got, [sixth, sixth, 0.0, 0.0, -sixth, -sixth, sixth, -sixth])


def test_sector_neutral_without_sectors_is_refused():
    with pytest.raises(engine.ConfigError, match=r"universe\.tags\.sector"):
        one_day(QuantileLongShort(sector_neutral=True), [1.0, 2.0, 3.0, 4.0, 5.0])


SPLIT = {  # signal, portfolio → weights where ties share, and where symbols decide
    "one place for two": (
        [1.0, 2.0, 2.0], LongOnlyTop(top_n=1), [0.0, 0.5, 0.5], [0.0, 1.0, 0.0],
    ),
    "the tie is whole": (
        [2.0, 2.0, 1.0], LongOnlyTop(top_n=2), [0.5, 0.5, 0.0], [0.5, 0.5, 0.0],
    ),
    "three for two places beside the best": (
        [9.0, 2.0, 2.0, 2.0], LongOnlyTop(top_n=3), [1 / 3, *[2 / 9] * 3], [*[1 / 3] * 3, 0.0],
    ),
    "each side its own tie": (
        [1.0, 1.0, 0.0, 0.0], QuantileLongShort(quantile=0.25),
        [0.25, 0.25, -0.25, -0.25], [0.5, 0.0, 0.0, -0.5],
    ),
    "both sides reach into one: what is left after setting off": (
        # two places a side: A and one of the tie, one of the tie and F
        [1.0, 0.0, 0.0, 0.0, -1.0], QuantileLongShort(quantile=0.4),
        [0.25, 0.0, 0.0, 0.0, -0.25], [0.25, 0.0, 0.0, 0.0, -0.25],
    ),
    "more of it on one side": (
        # the top has A and one of the tie, the bottom two of it
        [1.0, 0.0, 0.0, 0.0, 0.0], QuantileLongShort(quantile=0.4),
        [0.25, *[-0.0625] * 4], [0.25, 0.0, 0.0, 0.0, -0.25],
    ),
    "the sides keep their proportion": (
        [1.0, 0.0, 0.0, 0.0, 0.0], QuantileLongShort(quantile=0.4, net=0.5),
        [0.375, *[-0.03125] * 4], [0.375, 0.0, 0.0, 0.0, -0.125],
    ),
    "within a sector": (
        [2.0, 2.0, 2.0, 1.0, 9.0, 9.0, 1.0, 0.0],
        QuantileLongShort(quantile=0.25, sector_neutral=True),
        [1 / 12] * 3 + [-0.25] + [0.125] * 2 + [0.0, -0.25],
        [0.25, 0.0, 0.0, -0.25, 0.25, 0.0, 0.0, -0.25],
    ),
    "by distance, shared": (
        [5.0, 5.0, 1.0, 0.0], LongOnlyTop(top_n=1, weighting="score"),
        [0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SPLIT)
def test_names_with_one_score_share_places_or_take_them_by_symbol(case):
    signal, portfolio, split, by_symbol = SPLIT[case]
    sectors = ["x"] * 4 + ["y"] * 4 if len(signal) == 8 else None
    for ties, expected in (("split", split), ("symbol", by_symbol)):
        got = decided(portfolio, signal, ties, sectors)
        np.testing.assert_allclose(got, expected, atol=1e-15, err_msg=ties)


def decided(portfolio, signal, ties, sectors=None):
    panel = panel_of(np.ones((1, len(signal))), sectors=sectors)
    plan = Plan(portfolio, np.array([signal], float), np.ones(1), ties)
    return simulate(plan, panel, FREE, Backtest(engine="fast")).targets[0]


@pytest.mark.parametrize("ties", ["split", "symbol"])
@pytest.mark.parametrize("seed", range(40))
def test_a_tie_is_never_on_both_sides(seed, ties):
    """Nor is a side larger than asked for, and both keep the proportion of gross and net."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 27))
    signal = rng.integers(-1, 2, count).astype(float)
    if np.ptp(signal) == 0.0:
        signal[0] += 1.0
    weighting = str(rng.choice(["equal", "score"]))
    got = decided(QuantileLongShort(quantile=0.3, net=0.2, weighting=weighting), signal, ties)
    for value in (-1.0, 0.0, 1.0):
        tied = got[signal == value]
        assert not ((tied > 0.0).any() and (tied < 0.0).any())
        if ties == "split":
            assert np.ptp(tied) < 1e-12 if len(tied) else True
    long, short = got[got > 0.0].sum(), -got[got < 0.0].sum()
    assert long <= 0.6 + 1e-12
    assert long * 0.4 == pytest.approx(short * 0.6)


def test_picks_that_no_score_decides_are_counted_and_told(caplog):
    """Four decisions of two places: one place of the first lies in a tie of B and C."""
    signal = np.array([[3.0, 2.0, 2.0, 1.0], *[[4.0, 3.0, 2.0, 1.0]] * 3])
    plan = Plan(LongOnlyTop(top_n=2, **DAILY), signal, np.ones(4))
    with caplog.at_level(logging.WARNING):
        account = simulate(plan, panel_of(np.ones((4, 4))), FREE, Backtest(engine="fast"))
    assert account.decisions == {
        "taken": 4, "kept_without_score": 0, "without_any_score": 0,
        "picks": 8, "picks_by_tie": 0.125,
    }  # fmt: skip
    assert caplog.messages[-1] == (
        "12% of the picks were not decided by the score, for names share one value: take a factor "
        "of more values; decision.ties says who gets the places"
    )


def test_exposure_multiplies_the_gross():
    assert one_day(LongOnlyTop(top_n=1), [1.0, 2.0], exposure=0.4) == [0.0, 0.4]
    assert one_day(LongOnlyTop(top_n=1, gross=0.8), [1.0, 2.0], exposure=3.0) == [0.0, 1.0]
    assert one_day(QuantileLongShort(quantile=0.5), [1.0, 2.0], exposure=1.5) == [-0.75, 0.75]


def test_no_exposure_known_decides_nothing():
    signal = np.tile([1.0, 2.0], (2, 1))
    portfolio = LongOnlyTop(top_n=1, **DAILY)
    got = decide_all(portfolio, signal, panel_of(np.ones((2, 2))), np.array([NAN, 1.0]))
    np.testing.assert_array_equal(got, [[NAN, NAN], [0.0, 1.0]])


def test_only_members_with_a_bar_and_a_signal_are_held():
    panel = panel_of([[1.0, 1.0, NAN, 1.0]])
    panel = replace(panel, member=np.array([[True, False, True, True]]))
    got = decide_all(LongOnlyTop(quantile=1.0), np.array([[1.0, 2.0, 3.0, NAN]]), panel, np.ones(1))
    assert got[0].tolist() == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        ({"rebalance": "daily"}, [3, 4, 5, 6, 7, 8, 9]),
        ({"rebalance": "weekly"}, [3, 5]),  # the first signal; 2024-02-05 is a Monday
        ({"rebalance": "monthly"}, [3]),  # 2024-02-01
        ({"rebalance": "every_n", "every": 3}, [3, 6, 9]),
    ],
)
def test_rebalances_start_with_the_signal(fields, days):
    signal = np.tile([1.0, 2.0], (10, 1))
    signal[:3] = NAN
    panel = panel_of(np.ones((10, 2)), start="2024-01-29")
    got = decide_all(LongOnlyTop(top_n=1, **fields), signal, panel, np.ones(10))
    assert np.flatnonzero(np.isfinite(got).all(axis=1)).tolist() == days
    assert np.isnan(np.delete(got, days, axis=0)).all()


def test_weeks_are_iso_weeks():
    """Monday 2024-12-30 and Thursday 2025-01-02 are in the same week."""
    panel = panel_of(np.ones((4, 1)), start="2024-12-30")
    got = decide_all(LongOnlyTop(top_n=1, rebalance="weekly"), np.ones((4, 1)), panel, np.ones(4))
    assert np.isfinite(got[:, 0]).tolist() == [True, False, False, False]


def test_tranches_average_the_last_picks():
    signal = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0], [NAN, 2.0, 3.0]])
    portfolio = LongOnlyTop(top_n=1, tranches=3, **DAILY)
    got = decide_all(portfolio, signal, panel_of(np.ones((4, 3))), np.ones(4))
    third = 1.0 / 3.0  # on the last row A is kept, and the others share what it leaves
    expected = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [third] * 3, [NAN, 2 / 9, 4 / 9]]
    np.testing.assert_allclose(got, expected)


def test_a_band_leaves_a_name_that_is_near_its_target():
    """A and B start at half each; A's gain drifts them to 0.55 / 0.45, then 0.75 / 0.25."""
    close = np.array([[1.0, 1.0], [1.0, 1.0], [11 / 9, 1.0], [3.0, 1.0]])
    signal = np.array([[1.0, 1.0]] * 4)
    portfolio = LongOnlyTop(quantile=1.0, no_trade_band=0.06, **DAILY)
    got = decide_all(portfolio, signal, panel_of(close), np.ones(4))
    np.testing.assert_array_equal(got[1:3], np.full((2, 2), NAN))
    np.testing.assert_allclose(got[3], [0.5, 0.5])


def test_a_band_does_not_keep_what_is_sold_or_stop_what_is_bought():
    signal = np.array([[2.0, 1.0], [1.0, 2.0], [1.0, 2.0]])
    portfolio = LongOnlyTop(top_n=1, gross=0.05, no_trade_band=0.1, **DAILY)
    got = decide_all(portfolio, signal, panel_of(np.ones((3, 2))), np.ones(3))
    np.testing.assert_allclose(got[1], [0.0, 0.05])


def test_turnover_shrinks_all_trades_alike():
    signal = np.array([[2.0, 1.0], [1.0, 2.0], [1.0, 2.0]])
    portfolio = LongOnlyTop(top_n=1, max_turnover=0.5, **DAILY)
    got = decide_all(portfolio, signal, panel_of(np.ones((3, 2))), np.ones(3))
    # buys half of A; then trades 0.5 of the 1.5 to (0, 1): a third of the way
    np.testing.assert_allclose(got[:2], [[0.5, 0.0], [0.5 - 0.5 / 3, 1 / 3]])


def test_a_date_with_too_few_names_keeps_what_is_held():
    signal = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, NAN, NAN, NAN], [4.0, 3.0, 2.0, 1.0]])
    portfolio = QuantileLongShort(quantile=0.5, min_names=2, **DAILY)
    got = decide_all(portfolio, signal, panel_of(np.ones((3, 4))), np.ones(3))
    assert np.isnan(got[1]).all()
    np.testing.assert_allclose(got[2], [0.25, 0.25, -0.25, -0.25])


def test_too_few_names_on_every_date_is_refused():
    message = r"portfolio\.quantile: 0\.2 of at most 4 names .*min_names=1"
    with pytest.raises(engine.ConfigError, match=message):
        one_day(QuantileLongShort(), [1.0, 2.0, 3.0, 4.0])
    with pytest.raises(engine.ConfigError, match=r"portfolio\.top_n: 9 of at most 2 names"):
        one_day(LongOnlyTop(top_n=9), [1.0, 2.0])


@pytest.mark.parametrize(
    ("cls", "fields", "message"),
    [
        (LongOnlyTop, {"gross": 1.5}, r"portfolio\.gross: 1\.5 is above 1"),
        (
            LongOnlyTop,
            {"quantile": 0.0},
            r"portfolio\.quantile=0\.0: choose more than 0\.0, at most 1",
        ),
        (
            QuantileLongShort,
            {"quantile": 0.6},
            r"portfolio\.quantile=0\.6: choose more than 0\.0, at most 0\.5",
        ),
        (QuantileLongShort, {"net": 1.2, "gross": 2.0}, r"portfolio\.net=1\.2: choose from -1"),
        (QuantileLongShort, {"net": 0.6, "gross": 0.5}, r"portfolio\.net: 0\.6 is beyond"),
        (QuantileLongShort, {"max_weight": 0.0}, r"portfolio\.max_weight=0\.0: choose more than 0"),
        (QuantileLongShort, {"weighting": "cap"}, r"portfolio\.weighting=cap: choose from: equal"),
        (
            QuantileLongShort,
            {"rebalance": "hourly"},
            r"\.rebalance=hourly: choose from: daily",
        ),
    ],
)
def test_a_config_that_makes_no_sense_names_its_key(cls, fields, message):
    with pytest.raises(engine.ConfigError, match=message):
        cls(**fields)


@pytest.mark.parametrize(
    "portfolio", EVERYTHING, ids=lambda p: f"{p.name}-{p.weighting}-{p.rebalance}-{p.tranches}"
)
class TestAnyPortfolio:
    def test_a_cut_panel_gives_the_cut_weights(self, portfolio):
        assert_the_same_when_cut(portfolio, walk(), (40, 97))

    def test_what_comes_later_changes_nothing_before(self, portfolio):
        assert_the_same_before(portfolio, walk(), 80)

    def test_the_order_of_symbols_does_not_matter(self, portfolio):
        assert_the_same_in_any_order(portfolio, walk(), 1e-12)

    def test_a_row_is_all_hold_or_within_the_gross(self, portfolio):
        signal, panel, exposure = walk()
        got = decide_all(portfolio, signal, panel, exposure)
        assert np.isfinite(got).any()
        assert np.abs(np.nan_to_num(got)).sum(axis=1).max() <= portfolio.gross + 1e-9
        if portfolio.no_trade_band == 0.0:
            assert_whole_rows(got, panel, signal)


def test_the_quantile_takes_the_whole_names_that_rounding_hides():
    """0.29 × 100 is 28.999999999999996 in floating point."""
    assert math.floor(0.29 * 100) == 28
    got = one_day(LongOnlyTop(quantile=0.29), [*np.arange(25.0), NAN])
    assert np.count_nonzero(got) == 7
    rng = np.random.default_rng(0).normal(size=(1, 100))
    panel = engine.Panel(
        dates=pd.date_range("2024-01-01", periods=1, tz="UTC"),
        symbols=tuple(f"S{i:03}" for i in range(100)),
        fields={"close": np.ones((1, 100))},
    )
    assert np.count_nonzero(decide_all(LongOnlyTop(quantile=0.29), rng, panel, np.ones(1))) == 29
