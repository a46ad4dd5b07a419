"""The report on one factor: literal values, alphalens as an oracle, and what it refuses."""

from __future__ import annotations

import contextlib
import io
import warnings

import numpy as np
import pandas as pd
import pytest
from builders import NAN
from numpy.testing import assert_allclose

from engine.core.errors import ConfigError, DataError
from engine.study import newey_west_t, rank_ic, report_factor

HORIZONS = (1, 3, 10)


def frames(days: int = 90, symbols: int = 25) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Holes come in fives, so that five quantiles divide the names of each date."""
    random = np.random.default_rng(3)
    index = pd.bdate_range("2020-01-01", periods=days, name="date")
    columns = pd.Index([f"S{i:02d}" for i in range(symbols)], name="asset")
    returns = random.normal(0.0, 0.02, (days, symbols))
    factor = returns + random.normal(0.0, 0.02, (days, symbols))
    for row in factor:
        row[random.choice(symbols, 5 * random.integers(0, 3), replace=False)] = NAN
    closes = 10.0 * np.exp(np.cumsum(returns, axis=0))
    return pd.DataFrame(factor, index, columns), pd.DataFrame(closes, index, columns)


def test_a_report_literal():
    """Six names in three quantiles over one row, bought a row after the ranking."""
    index, columns = pd.bdate_range("2020-01-01", periods=4), list("ABCDEF")
    factor = pd.DataFrame([[1.0, 2, 3, 4, 5, 6], [6, 2, 3, 4, 5, 1]] * 2, index, columns)
    closes = pd.DataFrame(1.0, index, columns)
    closes.iloc[2] = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6]
    closes.iloc[3] = closes.iloc[2]
    made = report_factor(factor, closes, [1], quantiles=3)
    assert_allclose(made.rank_ic[1], [1.0, NAN, NAN, NAN])
    assert_allclose(made.quantiles[1].iloc[0], [0.15, 0.35, 0.55])
    assert_allclose(made.turnover[1], [[NAN] * 3, [0.5, 0.0, 0.5], [NAN] * 3, [NAN] * 3])
    assert made.rank_autocorrelation[1].iloc[1] == pytest.approx(-3.0 / 7.0)
    at_once = report_factor(factor, closes, [1], quantiles=3, delay=0)
    assert_allclose(at_once.rank_ic[1], [NAN, -3.0 / 7.0, NAN, NAN])


def test_all_horizons_look_at_the_same_cells():
    factor, closes = frames()
    made = report_factor(factor, closes, HORIZONS)
    known = made.rank_ic.notna()
    assert known.sum().tolist() == [90 - 11] * 3
    assert (known.sum(axis=1).isin([0, 3])).all()
    alone = report_factor(factor, closes, [10])
    pd.testing.assert_series_equal(alone.rank_ic[10], made.rank_ic[10])


def test_the_summary_is_of_the_columns():
    factor, closes = frames()
    made = report_factor(factor, closes, HORIZONS)
    row = made.summary().loc[3]
    test = newey_west_t(made.rank_ic[3].to_numpy(), 9)
    assert (row["rank_ic"], row["t"], row["p"]) == (test.mean, test.t, test.p)
    assert row["hit_rate"] == (made.rank_ic[3].dropna() > 0).mean()
    assert row["spread"] == pytest.approx((made.quantiles[3][5] - made.quantiles[3][1]).mean())
    assert row["top_turnover"] == pytest.approx(made.turnover[3][5].mean())
    assert row["dates"] == 79


def test_it_is_the_rank_ic_of_the_same_returns():
    factor, closes = frames()
    later = (closes.shift(-4) / closes.shift(-1) - 1.0).to_numpy()
    made = report_factor(factor, closes, [3]).rank_ic[3]
    assert_allclose(made, rank_ic(factor.to_numpy(), later))


def test_later_closes_and_the_order_of_symbols_change_nothing():
    factor, closes = frames()
    made = report_factor(factor, closes, HORIZONS)
    cut = report_factor(factor[:60], closes[:60], HORIZONS)
    order = np.random.default_rng(0).permutation(factor.columns)
    other = report_factor(factor[order], closes[order], HORIZONS)
    for name in ("rank_ic", "quantiles", "turnover", "rank_autocorrelation"):
        whole = getattr(made, name)
        pd.testing.assert_frame_equal(getattr(cut, name)[:49], whole[:49])
        pd.testing.assert_frame_equal(getattr(other, name), whole, rtol=1e-12)


def test_a_missing_close_leaves_no_return():
    factor, closes = frames()
    closes.iloc[30, :] = NAN
    made = report_factor(factor, closes, [3])
    assert made.rank_ic[3].isna().to_numpy().nonzero()[0].tolist() == [26, 29, *range(86, 90)]


def test_too_few_dates_leave_everything_unknown():
    factor, closes = frames(days=5)
    made = report_factor(factor, closes, [1, 60])
    assert made.rank_ic.isna().all(axis=None)
    assert made.summary()["dates"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"horizons": [5, 0]}, r"horizons are \[5, 0\]: choose one or more"),
        ({"horizons": []}, "choose one or more"),
        ({"horizons": [5, 5]}, "each >= 1 and once"),
        ({"quantiles": 1}, "quantiles is 1: choose 2 or more"),
        ({"delay": -1}, "delay is -1: choose 0 or more"),
    ],
)
def test_options_out_of_range_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        report_factor(*frames(20), **changes)


def test_frames_that_do_not_fit_are_refused():
    factor, closes = frames(20)
    with pytest.raises(DataError, match=r"pass closes\.reindex"):
        report_factor(factor, closes[:-1])
    with pytest.raises(DataError, match="do not ascend"):
        report_factor(factor[::-1], closes[::-1])
    with pytest.raises(DataError, match="a symbol of factor comes twice"):
        report_factor(factor[["S00", "S00"]], closes[["S00", "S00"]])


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    """What alphalens makes of the same frames."""
    pytest.importorskip("alphalens", reason="extra `oracles`")
    factor, closes = frames()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from alphalens import utils

        cells = pd.MultiIndex.from_product([factor.index, factor.columns])
        long = pd.Series(factor.to_numpy().ravel(), cells)
        return utils.get_clean_factor_and_forward_returns(
            long, closes, quantiles=5, periods=HORIZONS, max_loss=1.0
        )


def test_figures_are_those_of_alphalens(clean):
    """It buys at the ranking's own close, and fills prices in: here none is missing."""
    from alphalens import performance

    made = report_factor(*frames(), HORIZONS, delay=0)
    dates = made.rank_ic.index[:80]
    ics = performance.factor_information_coefficient(clean)
    means, _ = performance.mean_return_by_quantile(clean, by_date=True, demeaned=False)
    groups = clean["factor_quantile"]
    for column, horizon in zip(ics.columns, HORIZONS, strict=True):
        assert_allclose(made.rank_ic[horizon][:80], ics[column].reindex(dates), rtol=1e-10)
        wide = means[column].unstack("factor_quantile").reindex(dates)
        assert_allclose(made.quantiles[horizon][:80], wide, rtol=1e-10)
        lasting = performance.factor_rank_autocorrelation(clean, horizon).reindex(dates)
        assert_allclose(made.rank_autocorrelation[horizon][:80], lasting, rtol=1e-10, atol=1e-14)
        for bucket in range(1, 6):
            new = performance.quantile_turnover(groups, bucket, horizon).reindex(dates)
            assert_allclose(made.turnover[horizon][bucket][:80], new, rtol=1e-10)
    assert made.rank_ic[80:].isna().all(axis=None)


def test_quantiles_that_do_not_divide_the_names_are_cut_at_the_middle_of_ranks():
    """Where alphalens has no match: of 7 names in 3, `pd.qcut` puts 3, 2 and 2."""
    index, columns = pd.bdate_range("2020-01-01", periods=3), list("ABCDEFG")
    factor = pd.DataFrame(np.tile(np.arange(7.0), (3, 1)), index, columns)
    closes = pd.DataFrame(1.0, index, columns)
    closes.iloc[2] = 1.0 + np.arange(7.0)
    made = report_factor(factor, closes, [1], quantiles=3)
    assert_allclose(made.quantiles[1].iloc[0], [0.5, 3.0, 5.5])
    assert pd.qcut(factor.iloc[0], 3, labels=False).tolist() == [0, 0, 0, 1, 1, 2, 2]
