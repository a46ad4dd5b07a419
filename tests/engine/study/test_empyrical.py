"""Figures of returns against empyrical-reloaded, where definitions meet.

They do not meet in three places: empyrical's `cagr` goes by calendar days, where ours goes by rows;
its value at risk is interpolated between two returns, ours is one that was seen; after a total loss
it counts on, and ours ends.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engine.study import growth, monthly, performance, rolling, tail

empyrical = pytest.importorskip("empyrical", reason="extra `oracles`")
CASH = 1e-4


@pytest.fixture(autouse=True)
def lend_a_name(monkeypatch):
    """empyrical 0.5.9 reads a constant that numpy 2 no longer has."""
    monkeypatch.setattr(np, "NINF", -np.inf, raising=False)


def returns(seed: int = 0, rows: int = 1001) -> pd.Series:
    """0.05 (rows - 1) is a whole number: quantiles need no interpolation."""
    random = np.random.default_rng(seed)
    index = pd.bdate_range("2015-01-01", periods=rows, tz="UTC")
    return pd.Series(0.0004 + 0.01 * random.standard_t(4, rows), index)


def test_performance_is_empyricals():
    net = returns()
    made = performance(net.to_numpy(), 252.0, CASH)
    expected = {
        "total_return": empyrical.cum_returns_final(net),
        "cagr": empyrical.annual_return(net),
        "volatility": empyrical.annual_volatility(net),
        "sharpe": empyrical.sharpe_ratio(net, risk_free=CASH),
        "sortino": empyrical.sortino_ratio(net, required_return=CASH),
        "max_drawdown": empyrical.max_drawdown(net),
        "calmar": empyrical.calmar_ratio(net),
        "skew": stats.skew(net),
        "kurtosis": stats.kurtosis(net),
    }
    assert {key: made[key] for key in expected} == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("year", [12.0, 365.0])
def test_so_it_is_with_other_rows_a_year(year):
    net = returns(1, 240)
    made = performance(net.to_numpy(), year)
    expected = {
        "cagr": empyrical.annual_return(net, annualization=year),
        "volatility": empyrical.annual_volatility(net, annualization=year),
        "sharpe": empyrical.sharpe_ratio(net, annualization=year),
        "sortino": empyrical.sortino_ratio(net, annualization=year),
    }
    assert {key: made[key] for key in expected} == pytest.approx(expected, rel=1e-10)


def test_growth_and_months_are_empyricals():
    net = returns(2, 500)
    np.testing.assert_allclose(growth(net.to_numpy()), empyrical.cum_returns(net, 1), rtol=1e-12)
    months = pd.Series(monthly(net).to_numpy().ravel())
    expected = empyrical.aggregate_returns(net, "monthly")
    np.testing.assert_allclose(months.dropna(), expected, rtol=1e-10)


def test_the_tail_is_empyricals():
    net = returns(3)
    expected = (empyrical.value_at_risk(net), empyrical.conditional_value_at_risk(net))
    assert tail(net.to_numpy()) == pytest.approx(expected, rel=1e-10)


def test_the_rolling_beta_is_empyricals():
    net, market = returns(4, 300), returns(5, 300)
    made = rolling(net, market, 0.0 * net)["beta"].dropna()
    window = 300 - len(made) + 1
    expected = empyrical.beta(net[-window:], market[-window:])
    assert made.iloc[-1] == pytest.approx(expected, rel=1e-10)
