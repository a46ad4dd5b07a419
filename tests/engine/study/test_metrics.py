"""Performance by hand and by scipy; the shape and the sense of metrics.json."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from builders import NAN, Account
from numpy.testing import assert_allclose
from scipy import stats

from engine.core.panel import FloatArray
from engine.study.ic import RankedOutcome, newey_west_t, rank_ic
from engine.study.metrics import by_regime, collect, study, summarize, tables
from engine.study.returns import performance
from engine.study.sharpe import sharpe_error


def perf(*returns: float, year: float = 252.0, cash: FloatArray | float = 0.0) -> dict[str, float]:
    return performance(np.array(returns), year, cash)


def test_performance_literal():
    """Wealth 1.1, 0.88, 0.968, 1.21: down 20% from 1.1 after one day, back after three."""
    made = perf(0.10, -0.20, 0.10, 0.25, year=4)
    deviation = np.sqrt((0.0375**2 * 2 + 0.2625**2 + 0.1875**2) / 3)
    assert made["total_return"] == pytest.approx(0.21)
    assert made["cagr"] == pytest.approx(0.21)
    assert made["volatility"] == pytest.approx(2 * deviation)
    assert made["sharpe"] == pytest.approx(2 * 0.0625 / deviation)
    assert made["sortino"] == pytest.approx(2 * 0.0625 / 0.1)
    assert made["max_drawdown"] == pytest.approx(-0.2)
    assert made["max_drawdown_days"] == 3
    assert made["calmar"] == pytest.approx(1.05)
    assert made["hit_rate"] == 0.75
    assert (made["best_day"], made["worst_day"], made["n_days"]) == (0.25, -0.2, 4)


def test_performance_agrees_with_scipy():
    r = np.random.default_rng(0).standard_t(4, size=700) * 0.01 + 0.0004
    made = performance(r, 252.0)
    s = r.mean() / r.std(ddof=1)
    skew, kurtosis = stats.skew(r), stats.kurtosis(r)
    assert_allclose([made["skew"], made["kurtosis"]], [skew, kurtosis], rtol=1e-10)
    assert_allclose(made["sharpe"], s * np.sqrt(252))
    assert_allclose(made["sharpe_se"], sharpe_error(r) * np.sqrt(252))
    wealth = pd.Series(np.r_[1.0, np.cumprod(1 + r)])
    assert_allclose(made["max_drawdown"], (wealth / wealth.cummax() - 1).min())
    assert_allclose(made["cagr"], wealth.iloc[-1] ** (252 / 700) - 1)


def test_ratios_are_of_the_excess_over_what_cash_earned():
    """Cash pays for the calendar days of each row; volatility is that of the returns."""
    r, cash = np.array([0.02, NAN, 0.05, -0.01]), np.array([0.01, 0.2, 0.03, 0.01])
    made, excess = performance(r, 9.0, cash), np.array([0.01, 0.02, -0.02])
    assert made["sharpe"] == pytest.approx(3 * excess.mean() / excess.std(ddof=1))
    assert made["sharpe_se"] == pytest.approx(3 * sharpe_error(excess))
    assert made["sortino"] == pytest.approx(3 * excess.mean() / np.sqrt(0.02**2 / 3))
    assert made["volatility"] == pytest.approx(3 * np.std([0.02, 0.05, -0.01], ddof=1))
    assert perf(0.02, 0.04, year=2, cash=0.03)["sharpe"] == pytest.approx(0.0, abs=1e-12)


def test_a_total_loss_ends_the_series():
    """What comes after ruin is no day of the account's."""
    made = perf(0.1, -1.0, 0.0, 0.5)
    assert made == pytest.approx(perf(0.1, -1.0), abs=0.0, nan_ok=True)
    assert made["total_return"] == made["cagr"] == made["max_drawdown"] == -1.0
    assert (made["n_days"], made["max_drawdown_days"]) == (2, 1)
    assert perf(-1.5)["total_return"] == -1.0


def test_a_drawdown_starts_from_the_first_capital():
    assert perf(-0.1, 0.0)["max_drawdown"] == pytest.approx(-0.1)
    assert perf(-0.1, 0.0)["max_drawdown_days"] == 2


def test_missing_days_are_skipped():
    assert perf(0.1, NAN, -0.2, 0.3) == perf(0.1, -0.2, 0.3)


def test_no_variation_gives_no_ratio():
    made = perf(0.1, 0.1, 0.1)
    assert made["volatility"] == 0.0
    assert np.isnan([made["sharpe"], made["sharpe_se"], made["sortino"], made["calmar"]]).all()


def test_no_returns_give_no_performance():
    made = performance(np.array([]), 252.0)
    assert made.pop("n_days") == 0
    assert made.pop("max_drawdown_days") == 0
    assert np.isnan(list(made.values())).all()


def test_a_day_belongs_to_the_regime_known_the_day_before():
    net = np.array([9.0, 0.01, 0.03, -0.02])
    regimes = np.array([[1.0, 0.0], [0.9, 0.1], [0.2, 0.8], [1.0, 0.0]])
    made = by_regime(net, np.array([True] * 4), regimes, ("calm", "turbulent"), 252.0)
    assert made["calm"]["mean_return"] == pytest.approx(0.02 * 252)
    assert made["turbulent"]["mean_return"] == pytest.approx(-0.02 * 252)
    assert (made["calm"]["n_days"], made["calm"]["share"]) == (2, 0.5)
    assert np.isnan(made["turbulent"]["sharpe"])


def test_an_unknown_regime_is_no_regime():
    """It is told where it is held in: the shares add up to all rows."""
    net = np.array([0.01, 0.03, -0.02])
    made = by_regime(net, np.ones(3, bool), np.array([[NAN], [1.0], [NAN]]), ("calm",), 252.0)
    assert (made["calm"]["n_days"], made["no regime"]["n_days"]) == (1, 2)
    assert made["no regime"]["mean_return"] == pytest.approx(0.02 * 252)
    assert sum(part["share"] for part in made.values()) == pytest.approx(1.0)
    known = by_regime(net, np.array([False, True, True]), np.ones((3, 1)), ("calm",), 252.0)
    assert list(known) == ["calm"]


def collected(ruin: int | None = None) -> dict:
    random = np.random.default_rng(0)
    flat = np.array([0.0, 0.0] + [0.5] * 38)
    net = np.r_[0.0, 0.0, random.normal(0, 0.01, 38)]
    if ruin is not None:
        flat[ruin:], net[ruin], net[ruin + 1 :] = 0.0, -1.0, 0.0
    account = Account(
        dates=pd.date_range("2020-01-01", periods=40, tz="UTC"),
        net=net,
        gross=np.r_[0.0, 0.0, random.normal(0, 0.01, 38)],
        turnover=np.r_[0.0, 0.0, np.full(38, 0.1)],
        costs={"fees": flat * 2e-4, "borrow": flat * 4e-4},
        risk_free=np.full(40, 1e-4),
        long=flat,
        short=flat / 2,
        interest=flat * 6e-5,
        delisting=np.r_[np.zeros(39), 0.02],
        asked=flat / 10,
        unfilled={"cap": flat / 50, "suspension": flat / 100, "cash": 0.0 * flat},
        never_traded=("X",),
    )
    factor, outcome = random.normal(size=(40, 12)), random.normal(size=(40, 12))
    made = study(factor, RankedOutcome.of(outcome), 5)
    nothing = study(np.full((40, 12), NAN), RankedOutcome.of(outcome), 5)
    return collect(
        account,
        benchmark=random.normal(0, 0.01, 40),
        regimes=np.full((40, 2), 0.5),
        states=("turbulent", "calm"),
        knowledge=summarize({"mf_score": made, "b": made, "a": nothing}, [], ["b", "a"]),
        horizon=5,
    )


def test_collect_tells_what_was_not_filled_and_what_delistings_and_cash_came_to():
    """Per year: the mean of the 38 active rows, times 365.25."""
    made = collected()
    assert made["fills"]["unfilled"] == pytest.approx({"cap": 0.2, "suspension": 0.1, "cash": 0.0})
    assert made["fills"]["filled"] == pytest.approx(0.7)
    assert made["fills"]["asked"] == pytest.approx(38 * 0.05)
    assert made["fills"]["never_traded"] == ["X"]
    assert made["interest"] == pytest.approx(3e-5 * 365.25 * 1e4)
    assert made["delisting"] == pytest.approx(0.02 / 38 * 365.25 * 1e4)


def test_collect_counts_from_the_first_position():
    made = collected()
    assert made["active"] == {"start": "2020-01-03", "end": "2020-02-09"}
    assert made["performance"]["net"]["n_days"] == 38
    assert_allclose([made["turnover"][k] for k in ("per_day", "per_year")], [0.1, 36.525])
    assert made["exposure"] == {"gross": 0.75, "long": 0.5, "net": 0.25, "short": 0.25}
    assert_allclose(
        [made["costs"][k] for k in ("fees", "borrow", "total")], [365.25, 730.5, 1095.75]
    )


def test_what_is_per_year_goes_by_the_rows_and_the_time_of_the_active_period():
    """38 days since the close before the first position."""
    made = collected()
    assert made["annual"] == {
        "rows": 38,
        "years": pytest.approx(38 / 365.25),
        "rows_per_year": pytest.approx(365.25),
    }
    assert "rows_per_year" in made["units"]["annual"]


def test_days_after_ruin_count_nowhere():
    """Ruin on the 20th row: what follows is in no mean and in no span."""
    made, whole = collected(ruin=20), collected()
    assert made["active"] == {"start": "2020-01-03", "end": "2020-01-21"}
    assert made["annual"]["rows"] == made["performance"]["net"]["n_days"] == 19
    assert made["performance"]["benchmark"]["n_days"] == 19
    assert made["exposure"]["gross"] == pytest.approx(0.75 * 18 / 19)
    assert made["turnover"]["per_day"] == pytest.approx(0.1)
    assert made["regimes"]["turbulent"]["n_days"] == 19
    assert whole["performance"]["benchmark"]["n_days"] == 38


def test_collect_is_plain_json_with_sorted_keys_and_null_for_nan():
    made = collected()
    text = json.dumps(made, allow_nan=False)
    assert text == json.dumps(made, sort_keys=True)
    assert made["factors"]["a"]["rank_ic_mean"] is None
    assert made["factors"]["a"]["quantiles"] == [None] * 5


def test_an_account_without_a_position_has_no_performance():
    zero = np.zeros(5)
    dates = pd.date_range("2020-01-01", periods=5, tz="UTC")
    lost = {"cap": zero, "suspension": zero, "cash": zero}
    account = Account(
        dates, zero, zero, zero, {"fees": zero}, zero, zero, zero, zero, zero, zero, lost
    )
    nothing = study(np.ones((5, 4)), RankedOutcome.of(np.ones((5, 4))), 1)
    made = collect(
        account,
        benchmark=zero,
        regimes=np.ones((5, 1)),
        states=("calm",),
        knowledge=summarize({"mf_score": nothing}, [], []),
        horizon=1,
    )
    assert made["active"] == {"start": None, "end": None}
    assert made["performance"]["net"]["sharpe"] is None
    assert made["costs"]["total"] is None


def test_tables_hold_the_rank_ic_and_the_quantile_means():
    random = np.random.default_rng(3)
    factor, outcome = random.normal(size=(30, 20)), random.normal(size=(30, 20))
    made = study(factor, RankedOutcome.of(outcome), 2, q=4)
    out = tables(pd.date_range("2020-01-01", periods=30, tz="UTC"), {"mf_score": made})
    assert list(out["ic"].columns) == ["timestamp", "mf_score"]
    assert_allclose(out["ic"]["mf_score"], rank_ic(factor, outcome))
    quantiles = out["quantiles"]
    assert list(quantiles["quantile"]) == [1, 2, 3, 4]
    expected = newey_west_t(made.quantiles[:, 3], 6)
    assert quantiles.iloc[3]["mean"] == pytest.approx(expected.mean)
    assert quantiles.iloc[3]["standard_error"] == pytest.approx(expected.standard_error)
