"""One market, seen by the hour, every day, on weekdays, weekly and monthly, is as volatile."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.core.panel import Panel
from engine.core.periods import span
from engine.expr.executor import evaluate
from engine.study.returns import performance

YEARS, VOLATILITY = 16, 0.2
HOURS = pd.date_range("2004-01-01", periods=YEARS * 8766, freq="h", tz="UTC")
DAYS = HOURS.normalize().unique()
ROWS = {  # how a market is seen: the dates, and rows a year for decisions
    "hourly": (HOURS[: 3 * 8766], 365 * 24),
    "24/7": (DAYS, 365),
    "weekdays": (DAYS[DAYS.day_of_week < 5], 252),
    "weekly": (DAYS[DAYS.day_of_week == 4], 52),
    "monthly": (DAYS[DAYS.is_month_end], 12),
}
LOG = np.random.default_rng(9).normal(0.0, VOLATILITY / np.sqrt(8766), len(HOURS)).cumsum()


def seen(name: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Dates, and the price at each."""
    dates = ROWS[name][0]
    return dates, np.exp(LOG[HOURS.get_indexer(dates)])


@pytest.mark.parametrize("name", ROWS)
def test_reports_tell_the_same_volatility(name):
    """Within two standard errors, 1 / √(2n) of it for n normal returns."""
    dates, price = seen(name)
    net = price[1:] / price[:-1] - 1.0
    made = performance(net, span(dates[1:], dates[0]).rows_per_year)
    error = VOLATILITY / np.sqrt(2 * len(net))
    assert made["volatility"] == pytest.approx(VOLATILITY, abs=2 * error)
    years = (dates[-1] - dates[0]).total_seconds() / (365.25 * 86400)
    assert 1.0 + made["cagr"] == pytest.approx((price[-1] / price[0]) ** (1.0 / years))


@pytest.mark.parametrize("name", ROWS)
def test_decisions_see_the_same_volatility(name):
    """Weekdays are 261 a year here, and counted as 252 unless 260 is written: 2 % below."""
    dates, price = seen(name)
    panel = Panel(dates, ("A",), {"close": price[:, None]})
    assert panel.periods_per_year == ROWS[name][1]
    rows = len(dates) - 1
    made = evaluate({"x": f"stddev(returns, {min(rows, 99_999)}) * annual ^ 0.5"}, panel)["x"]
    counted = VOLATILITY * (np.sqrt(252 / 261) if name == "weekdays" else 1.0)
    assert made[-1, 0] == pytest.approx(counted, abs=2 * counted / np.sqrt(2 * rows))
