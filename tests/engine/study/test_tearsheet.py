"""The numbers of the tear sheet, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of

from engine.bars.delisting import Delisting, outcomes
from engine.core.panel import FloatArray, Panel
from engine.kernels.ranks import average_ranks
from engine.study import history, holdings, knowledge, quantiles
from engine.study.calibration import calibration_tables, slope
from engine.study.capacity import capacity_table, largest, usual_volume
from engine.study.ic import RankedOutcome, rank_finite
from engine.study.metrics import study


def dates(count: int, start: str = "2020-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, tz="UTC")


def panel(close: list[list[float]], sectors: str = "") -> Panel:
    return panel_of(close, freq="D", sectors=sectors)


def test_rolling_figures_use_the_window_up_to_their_date():
    random = np.random.default_rng(0)
    market = pd.Series(random.normal(0.0, 0.01, 200), dates(200))
    net = 0.5 * market + 0.001
    cash = pd.Series(0.0001 * np.arange(200), dates(200))
    made = history.rolling(net, market, cash)
    assert made.iloc[:125].isna().all(axis=None)
    assert made["beta"].iloc[125:].to_numpy() == pytest.approx(0.5)
    last = net.iloc[-126:]
    assert made["volatility"].iloc[-1] == pytest.approx(last.std() * 365.25**0.5)
    excess = last - cash.iloc[-126:]
    assert made["sharpe"].iloc[-1] == pytest.approx(excess.mean() / excess.std() * 365.25**0.5)


def test_rolling_ratios_without_variation_are_unknown():
    flat = pd.Series(0.0, dates(130))
    last = history.rolling(flat, flat, flat).iloc[-1]
    assert np.isnan(last["sharpe"])
    assert np.isnan(last["beta"])
    assert last["volatility"] == 0.0


def test_months_compound_and_missing_months_are_unknown():
    days = pd.DatetimeIndex(["2020-01-30", "2020-01-31", "2020-02-03", "2021-02-01"], tz="UTC")
    made = history.monthly(pd.Series([0.1, 0.1, -0.5, 0.2], days))
    assert made.index.tolist() == [2020, 2021]
    assert made.columns.tolist() == list(range(1, 13))
    assert made.loc[2020, 1] == pytest.approx(0.21)
    assert made.loc[2020, 2] == pytest.approx(-0.5)
    assert made.loc[2021, 2] == pytest.approx(0.2)
    assert made.notna().to_numpy().sum() == 3


def test_years_stand_alone():
    """A drawdown does not reach back into the year before."""
    days = pd.DatetimeIndex(["2020-12-30", "2020-12-31", "2021-01-04", "2021-01-05"], tz="UTC")
    market = pd.Series([0.0, 0.5, 0.1, 0.1], days)
    cash = pd.Series([0.0, 0.0, 0.05, 0.15], days)
    made = history.yearly(pd.Series([1.0, -0.5, 0.2, -0.1], days), market, cash)
    assert made["net"].tolist() == pytest.approx([0.0, 0.08])
    assert made["market"].tolist() == pytest.approx([0.5, 0.21])
    assert made["max_drawdown"].tolist() == pytest.approx([-0.5, -0.1])
    assert made["n_days"].tolist() == [2, 2]
    # 2021: two rows in the 5 days since the last of 2020; excess returns 0.15 and -0.25
    year = np.sqrt(2 / (5 / 365.25))
    assert made["volatility"].iloc[1] == pytest.approx(np.std([0.2, -0.1], ddof=1) * year)
    excess = -0.05 / np.std([0.15, -0.25], ddof=1)
    assert made["sharpe"].iloc[1] == pytest.approx(excess * year)


def test_the_tail_is_the_worst_twentieth():
    returns = np.arange(-2.0, 38.0)  # 40 days: two of them are the tail
    assert history.tail(np.append(returns, NAN)) == (-1.0, -1.5)
    assert np.isnan(history.tail(np.array([NAN]))).all()


def test_contributions_are_yesterdays_weight_times_todays_return():
    bars = panel([[100.0, 50.0], [110.0, 50.0], [99.0, 25.0]])
    realised = np.array([[0.5, 0.0], [0.5, -0.2], [0.0, 0.0]])
    made = holdings.contributions(realised, bars, outcomes(bars, Delisting()))
    assert made.tolist() == pytest.approx([0.5 * 0.1 + 0.5 * -0.1, -0.2 * -0.5])


def test_a_delisted_holding_contributes_its_delisting_return():
    """Suspended for one row (A) is not delisted: A's return spans the gap. C is held short.

    B and C are paid out on the row on which their end is known, two after their last bar.
    """
    bars = panel([[100.0, 50.0, 9.0], [NAN, NAN, NAN], [110.0, NAN, NAN]])
    realised = np.array([[0.5, 0.4, -0.2], [0.5, 0.4, -0.2], [0.5, 0.0, 0.0]])
    ended = outcomes(bars, Delisting(long_return=-0.3, short_return=0.1, after=2))
    made = holdings.contributions(realised, bars, ended)
    assert made.tolist() == pytest.approx([0.05, -0.12, -0.02])


def test_effective_names_count_equal_positions():
    realised = np.array([[0.5, -0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.4, 0.4, 0.2]])
    made = holdings.effective_names(realised)
    assert made.tolist() == pytest.approx([2.0, 1.0, NAN, 1.0 / 0.36], nan_ok=True)


def test_a_target_is_in_force_from_the_next_close_until_the_last_bar():
    target = np.array([[0.5, -0.5], [NAN, NAN], [NAN, 0.2], [NAN, NAN], [NAN, NAN]])
    present = np.array([[True, True]] * 3 + [[False, True]] * 2)
    made = holdings.in_force(target, present)
    assert made.tolist() == [[0.0, 0.0], [0.5, -0.5], [0.5, -0.5], [0.5, 0.2], [0.0, 0.2]]


def test_sectors_add_up_their_names():
    realised = np.array([[0.5, -0.25, 0.125], [0.0, 0.25, 0.0]])
    made = holdings.sector_weights(dates(2), realised, ("tech", "tech", ""))
    assert made["sector"].tolist() == ["tech", "unknown"] * 2
    assert made["timestamp"].tolist() == [dates(2)[0]] * 2 + [dates(2)[1]] * 2
    assert made["net"].tolist() == [0.25, 0.125, 0.25, 0.0]
    assert made["gross"].tolist() == [0.75, 0.125, 0.25, 0.0]


@pytest.mark.parametrize("labels", [(), ("", "", "")])
def test_without_sectors_there_is_no_row(labels):
    made = holdings.sector_weights(dates(2), np.ones((2, 3)), labels)
    assert made.columns.tolist() == ["timestamp", "sector", "net", "gross"]
    assert made.empty


def test_positions_put_it_together():
    bars = panel([[100.0, 50.0], [110.0, 50.0]], sectors="xy")
    realised = np.array([[0.5, 0.0], [0.6, -0.6]])
    made = holdings.positions(
        bars, realised, np.array([[0.6, -0.6], [NAN, NAN]]), outcomes(bars, Delisting())
    )
    assert made["names"].to_dict("list") == {
        "symbol": ["A", "B"],
        "sector": ["x", "y"],
        "weight": [0.6, -0.6],
        "contribution": [pytest.approx(0.05), 0.0],
        "days": [2, 1],
    }
    assert made["positions"]["gross"].tolist() == [0.5, 1.2]
    assert made["positions"]["target_gross"].tolist() == [0.0, 1.2]
    assert made["positions"]["target_distance"].tolist() == pytest.approx([0.5, 0.0])
    assert made["positions"]["long_names"].tolist() == [1, 1]
    assert made["positions"]["short_names"].tolist() == [0, 1]
    assert len(made["sectors"]) == 4


def geared(count: int) -> Panel:
    """A moves as the market of A, B and C would without B and C; B moves twice as much."""
    moves = np.random.default_rng(3).normal(0.0, 0.01, count)
    returns = moves[:, None] * np.array([1.0, 2.0, 3.0])
    return panel((100.0 * np.cumprod(1.0 + returns, axis=0)).tolist())


def test_the_books_beta_weighs_the_betas_of_its_names():
    """The market moves by the mean, 2: betas are 0.5, 1 and 1.5."""
    bars = geared(80)
    realised = np.tile([0.5, -0.25, 0.0], (80, 1))
    realised[70:] = 0.0
    made = holdings.book_beta(bars, realised)
    assert np.isnan(made[:60]).all()  # a name needs 60 returns, and the first row has none
    assert made[60:70] == pytest.approx(0.5 * 0.5 - 0.25 * 1.0)
    assert made[70:].tolist() == [0.0] * 10


def test_the_books_beta_knows_no_later_return():
    bars = geared(80)
    changed = np.array(bars["close"])
    changed[75:] *= 3.0
    realised = np.random.default_rng(4).normal(size=(80, 3))
    full = holdings.book_beta(bars, realised)[:75]
    assert holdings.book_beta(panel(changed.tolist()), realised)[:75].tolist() == pytest.approx(
        full.tolist(), nan_ok=True, abs=0
    )


def volumes(close: list[list[float]], volume: list[list[float]]) -> Panel:
    bars = panel(close)
    return Panel(bars.dates, bars.symbols, {"close": bars["close"], "volume": np.array(volume)})


def test_capacity_is_where_the_orders_no_longer_fit():
    """A: 0.5 of equity into 1000 a day; B: 0.5 into 4000. At x = 1 of participation, half of
    what is ordered is filled at 10000: 1000 + 4000 of 10000."""
    bars = volumes([[10.0, 40.0]] * 2, [[100.0, 100.0]] * 2)
    made = capacity_table(bars, np.array([[0.0, 0.0], [0.5, 0.5]]))
    assert made["participation"].unique().tolist() == [0.01, 0.02, 0.05, 0.10]
    first = made[made["participation"] == 0.01].set_index("filled")["account"]
    assert first.index.tolist() == [0.5, 0.9, 0.95, 0.99]
    assert first[0.5] == pytest.approx(0.01 * 10_000)
    assert first[0.9] == pytest.approx(0.01 * 1000 / 0.4)  # A cut: 1000 + x / 2 = 0.9 x
    assert (made["known"] == 1.0).all()
    last = made[made["participation"] == 0.10].set_index("filled")["account"]
    assert (last / first).tolist() == pytest.approx([10.0] * 4)


def test_capacity_reads_the_volume_before_the_order():
    bars = volumes([[10.0], [10.0], [10.0]], [[100.0], [300.0], [9999.0]])
    made = capacity_table(bars, np.array([[0.0], [0.0], [1.0]]))
    assert made["account"].iloc[0] == pytest.approx(0.01 * 2000.0 / 0.5)  # median of 1000 and 3000


def test_orders_without_a_volume_are_left_out_and_counted():
    bars = volumes([[10.0, 10.0]] * 2, [[100.0, NAN]] * 2)
    made = capacity_table(bars, np.array([[0.0, 0.0], [0.75, 0.25]]))
    assert (made["known"] == 0.75).all()
    assert made["account"].iloc[3] == pytest.approx(0.01 * 1000.0 / (0.75 * 0.99))


def test_what_cannot_be_traded_at_all_leaves_no_capacity():
    made = largest(np.array([0.5, 0.5]), np.array([0.0, 10.0]), (0.9, 0.4))
    assert made == [0.0, pytest.approx(25.0)]


def test_capacity_is_the_root_of_what_is_filled():
    random = np.random.default_rng(5)
    orders, limits = random.uniform(0.0, 1.0, 50), random.exponential(1.0, 50)
    shares = (0.3, 0.5, 0.9, 0.99)
    for filled, x in zip(shares, largest(orders, limits, shares), strict=True):
        assert np.minimum(orders * x, limits).sum() / (orders * x).sum() == pytest.approx(filled)


def test_the_usual_volume_is_the_median_of_twenty_rows_before():
    random = np.random.default_rng(6)
    dollars = random.uniform(1.0, 9.0, (40, 4))
    dollars[random.random((40, 4)) < 0.3] = NAN
    dollars[:, 3] = NAN
    ordered = random.random((40, 4)) < 0.5
    oracle = pd.DataFrame(dollars).rolling(20, min_periods=1).median().shift(1).to_numpy()
    made = usual_volume(dollars, ordered)
    assert np.isnan(made[~ordered]).all()
    assert made[ordered].tolist() == pytest.approx(oracle[ordered].tolist(), nan_ok=True)


@pytest.mark.parametrize("traded", [0.0, 0.5])
def test_without_orders_or_volume_there_is_no_capacity(traded):
    bars = panel([[10.0], [10.0]]) if traded else volumes([[10.0]] * 2, [[1.0]] * 2)
    made = capacity_table(bars, np.full((2, 1), traded))
    assert made.empty
    assert made.columns.tolist() == ["participation", "filled", "account", "known"]


def values(count: int, columns: int = 6) -> FloatArray:
    return np.random.default_rng(1).normal(size=(count, columns))


def known_by(studied: dict[str, FloatArray], forward: FloatArray, member: FloatArray):
    """Every table of `knowledge`, with one return for every horizon."""
    known = member.astype(bool)
    ranks = {name: rank_finite(np.where(known, each, NAN)) for name, each in studied.items()}
    return knowledge.knowledge_tables(dates(len(forward)), ranks, lambda days: forward, known)


def test_ranks_are_among_the_finite_cells():
    made = rank_finite(np.array([[3.0, np.inf, 1.0, NAN, -np.inf]]))
    assert made.tolist() == [pytest.approx([2.0, NAN, 1.0, NAN, NAN], nan_ok=True)]


def test_decay_is_the_mean_rank_ic_of_each_horizon():
    """An outcome equal to the factor at 5 days, opposite to it at 10, and constant elsewhere."""
    factor = values(40)
    signs = {5: 1.0, 10: -1.0}
    known = np.isfinite(factor)
    ranks = {"a": rank_finite(factor)}
    made = knowledge.knowledge_tables(
        dates(40), ranks, lambda days: signs.get(days, 0.0) * factor, known
    )["decay"]
    assert made["days"].tolist() == [1, 5, 10, 20, 40, 60]
    assert made["rank_ic"].tolist() == pytest.approx([NAN, 1, -1, NAN, NAN, NAN], nan_ok=True)


def test_correlations_persistence_and_coverage():
    base = np.tile(np.arange(6.0), (41, 1))
    flipped = base * np.where(np.arange(41) % 2, -1.0, 1.0)[:, None]  # turned over every day
    holed = np.where(np.arange(6) < 3, base, NAN)
    studied = {"base": base, "down": -base, "flipped": flipped, "holed": holed}
    made = known_by(studied, base, np.ones((41, 6)))
    pairs = made["correlations"].set_index(["name", "other"])["correlation"]
    assert len(pairs) == 6
    assert pairs["base", "down"] == pytest.approx(-1.0)
    assert pairs["base", "holed"] == pytest.approx(1.0)
    lasting = made["persistence"].set_index("name")
    assert lasting["rank_autocorrelation_1d"].tolist() == pytest.approx([1, 1, -1, 1])
    assert lasting["rank_autocorrelation_20d"].tolist() == pytest.approx([1, 1, 1, 1])
    assert lasting["coverage"].tolist() == [1.0, 1.0, 1.0, 0.5]
    assert lasting["top_new_1d"].tolist() == pytest.approx([0, 0, 1, NAN], nan_ok=True)
    assert lasting["bottom_new_20d"].tolist() == pytest.approx([0, 0, 0, NAN], nan_ok=True)


def test_coverage_over_time_is_the_share_of_member_bars():
    """Three members on the first date, two on the second, none on the third."""
    member = np.array([[1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0]])
    factor = np.array([[1.0, NAN, 2.0, 5.0], [1.0, 1.0, NAN, NAN], [1.0, 1.0, 1.0, 1.0]])
    made = known_by({"a": factor}, factor, member)["coverage"]
    assert made["timestamp"].tolist() == list(dates(3))
    assert made["a"].tolist() == pytest.approx([2 / 3, 0.0, NAN], nan_ok=True)


def test_too_few_dates_for_a_lag_leave_it_unknown():
    few = values(10)
    made = known_by({"a": few}, few, np.ones_like(few))["persistence"]
    assert np.isnan(made["rank_autocorrelation_20d"].iloc[0])
    assert np.isnan(made["top_new_20d"].iloc[0])
    assert np.isfinite(made["top_new_5d"].iloc[0])


def test_buckets_are_cut_among_the_known_and_share_ties():
    factor = np.array(
        [
            [5.0, 1.0, 2.0, 3.0, 4.0, NAN],
            [1.0, 1.0, 2.0, 3.0, 4.0, 5.0],
            [1.0, 2.0, 3.0, 4.0, NAN, NAN],
            [7.0] * 6,
            [NAN] * 6,
        ]
    )
    assert quantiles.buckets(average_ranks(factor)).tolist() == [
        [4, 0, 1, 2, 3, -1],
        [0, 0, 2, 2, 3, 4],
        [-1] * 6,
        [-1] * 6,
        [-1] * 6,
    ]


def test_a_ranking_earns_its_first_return_two_closes_later():
    """Ranked at row 0, bought at row 1's close: the return from row 1 to row 2 is row 2's."""
    factor = np.tile(np.arange(5.0), (4, 1))
    factor[1] = factor[1, ::-1]
    next_day = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, NAN]] + [[NAN] * 5] * 2)
    groups = {"b": quantiles.buckets(average_ranks(factor))}
    made = quantiles.daily(dates(4), {**groups, "a": groups["b"]}, next_day)
    assert made.columns.tolist() == ["timestamp", "name", "q1", "q2", "q3", "q4", "q5", "all"]
    assert made["name"].tolist() == ["b", "a"] * 4
    assert made["timestamp"].is_monotonic_increasing
    first, second = made[made["name"] == "a"].iloc[2:, 2:].to_numpy().tolist()
    assert first == [1.0, 2.0, 3.0, 4.0, 5.0, 3.0]
    assert second == pytest.approx([NAN, 9.0, 8.0, 7.0, 6.0, 7.5], nan_ok=True)
    assert made.iloc[:4, 2:].isna().all(axis=None)


def test_quantile_means_are_of_the_known_returns():
    groups = np.array([[0, 0, 0, 1, -1]], np.int8)
    made = quantiles.means(groups, np.array([[1.0, 3.0, NAN, NAN, 9.0]]), 2)
    assert made.tolist() == [pytest.approx([2.0, NAN, 2.0], nan_ok=True)]


def test_newcomers_are_those_who_were_elsewhere():
    """On every date from the lag on, one without any of the quantile excepted."""
    rows = [[4, 4, 0, -1]] + [[4, 0, 4, 4]] * 2 + [[4, 4, 0, 0]] + [[0, 4, 4, -1]]
    groups = np.array(rows, np.int8)
    assert quantiles.newcomers(groups, 4, 1) == pytest.approx((2 / 3 + 0 + 1 / 2 + 1 / 2) / 4)
    assert quantiles.newcomers(groups, 0, 1) == pytest.approx((1 + 0 + 1 + 1) / 4)
    assert quantiles.newcomers(groups, 4, 2) == pytest.approx((2 / 3 + 1 / 2 + 1 / 2) / 3)
    assert np.isnan(quantiles.newcomers(groups, 2, 1))


def test_dates_without_a_ranking_before_have_no_newcomers():
    groups = np.array([[-1, -1], [4, 0]], np.int8)
    assert np.isnan(quantiles.newcomers(groups, 4, 1))


def test_quantiles_by_regime_take_the_dates_of_each_state():
    factor = np.tile(np.arange(5.0), (4, 1))
    outcome = factor * np.array([1.0, 1.0, -1.0, 100.0])[:, None]
    regimes = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [NAN, NAN]])
    ranked = RankedOutcome.of(outcome)
    studies = {"up": study(factor, ranked, 1), "down": study(-factor, ranked, 1)}
    made = quantiles.by_regime(studies, regimes, ("calm", "wild"))
    assert made["name"].tolist() == ["up"] * 10 + ["down"] * 10
    assert made["regime"].tolist() == (["calm"] * 5 + ["wild"] * 5) * 2
    assert made["quantile"].tolist() == [1, 2, 3, 4, 5] * 4
    assert made["mean"].tolist()[:5] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert made["mean"].tolist()[10:15] == [4.0, 3.0, 2.0, 1.0, 0.0]
    assert made["dates"].tolist() == ([2] * 5 + [1] * 5) * 2


def calibrated(forecast: FloatArray, target: FloatArray) -> dict[str, pd.DataFrame]:
    return calibration_tables({"m": forecast}, {"m": average_ranks(forecast)}, target, 1)


def test_calibration_bins_each_date_by_itself():
    """Twenty names, two a decile; the second date's forecasts lie 100 higher, and came half."""
    first = np.arange(20.0)
    made = calibrated(np.array([first, 100 + first]), np.array([first, 0.5 * first]))["calibration"]
    low = np.arange(10) * 2 + 0.5
    assert made["name"].tolist() == ["m"] * 10
    assert made["bin"].tolist() == list(range(1, 11))
    assert made["forecast"].tolist() == pytest.approx(low + 50.0)
    assert made["realised"].tolist() == pytest.approx(0.75 * low)
    # two dates a quarter of `low` from their mean, one lag with weight 1 - 1 / 4: gaps only
    error = 0.25 * low * np.sqrt(2 - 2 * 0.75) / 2
    assert made["standard_error"].tolist() == pytest.approx(error)


def test_forecasts_without_an_outcome_are_not_averaged():
    forecast = np.arange(20.0)[None] * np.ones((3, 1))
    target = forecast.copy()
    target[0, 0], target[2] = NAN, NAN
    made = calibrated(forecast, target)
    assert made["calibration"]["forecast"].iloc[0] == pytest.approx((1.0 + 0.5) / 2)
    assert made["calibration"]["realised"].iloc[0] == pytest.approx((1.0 + 0.5) / 2)
    assert made["slopes"].iloc[0].tolist() == ["m", pytest.approx(1.0), pytest.approx(0.0), 2]


def test_fewer_names_than_bins_have_no_deciles_but_a_slope():
    made = calibrated(np.arange(9.0)[None] * np.ones((2, 1)), values(2, 9))
    assert made["calibration"]["realised"].isna().all()
    assert np.isfinite(made["slopes"]["slope"].iloc[0])


def test_without_forecasts_there_is_no_calibration():
    made = calibration_tables({}, {}, values(3), 1)
    assert made["calibration"].empty
    assert made["slopes"].columns.tolist() == ["name", "slope", "standard_error", "dates"]


def test_the_slope_is_least_squares_within_dates():
    """As with a dummy for each date, with Driscoll & Kraay's standard error."""
    random = np.random.default_rng(3)
    forecast = random.normal(size=(60, 7)) + random.normal(size=(60, 1))
    target = 0.4 * forecast + random.normal(size=(60, 7)) + 5 * random.normal(size=(60, 1))
    forecast[random.random((60, 7)) < 0.2] = NAN
    forecast[10] = 1.0
    long = pd.DataFrame({"x": forecast.ravel(), "y": target.ravel(), "t": np.arange(420) // 7})
    long = long.dropna()
    dummies = pd.get_dummies(long["t"]).to_numpy(float)
    design = np.column_stack([long["x"], dummies])
    fit, *_ = np.linalg.lstsq(design, long["y"].to_numpy(), rcond=None)
    residual = long["y"] - design @ fit
    centred = long["x"] - long.groupby("t")["x"].transform("mean")
    moments = (centred * residual).groupby(long["t"]).sum().to_numpy()
    weights = [1 - abs(i) / 4 for i in range(-3, 4)]
    spread = sum(
        w * (moments[max(i, 0) : 60 + min(i, 0)] * moments[max(-i, 0) : 60 + min(-i, 0)]).sum()
        for w, i in zip(weights, range(-3, 4), strict=True)
    )
    made, error, count = slope(forecast, target, 1)
    assert made == pytest.approx(fit[0])
    assert error == pytest.approx(np.sqrt(spread) / (centred**2).sum(), rel=1e-6)
    assert count == 59


def test_equal_forecasts_have_no_slope():
    made, error, count = slope(np.ones((5, 4)), values(5, 4), 1)
    assert np.isnan(made)
    assert np.isnan(error)
    assert count == 0
