"""Which comparisons are warned of, by their units."""

from __future__ import annotations

import pytest

from engine.expr.ops import TABLE
from engine.expr.parser import parse
from engine.expr.units import ALIKE, KEPT, POWERS, PRODUCTS, RATIOS, mismatches

UNKNOWN = {
    "log",
    "log1p",
    "trade_when",
    "product",
    "where",
    "power",
    "signedpower",
}  # no rule, or one of their own
FINE = [
    "close > 5",
    "high - low + 0.001",
    "close - open + delay(vwap, 3)",
    "rank(close / delay(close, 5))",
    "rank((close - open) / open)",
    "rank(volume)",
    "close * volume - adv20",
    "adv20 / volume < close",
    "(high * low) ^ 0.5 - vwap",
    "sqrt(ts_var(close, 5)) < close",
    "covariance(close, open, 5) / stddev(close, 5) + open",
    "beta(close, volume, 5) * volume - close",
    "rank(eps)",
    "close + eps",
    "log(close) - log(volume)",
    "where(volume > 100, close, open) - low",
    "volume > 100 ? 1 : close",
    "max(returns, 0) - market",
    "correlation(close, volume, 5) + rank(volume)",
    "zscore(log(close))",
    "filter(close, volume > 5) - open",
    "close / open == 1 + 2 * 3",
]
WARNED = {
    "close + volume": "(close + volume) adds price and volume: bring them to one unit",
    "close - returns": "(close - returns) takes the difference of price and ratio",
    "close < volume": "(close < volume) compares price with volume",
    "min(close, adv20)": "minimum(close, adv20) compares price with currency",
    "adv20 < volume": "(adv20 < volume) compares currency with volume",
    "close > 1 ? close : volume": "where((close > 1), close, volume) chooses between price and vol",
    "close * close - close": "((close * close) - close) takes the difference of currency^2 × "
    "shares^-2 and price",
    "rank(close)": "rank(close) compares prices of different symbols, which say nothing of value",
    "-zscore(ts_mean(close, 5) * 2)": "zscore((ts_mean(close, 5) * 2)) compares prices",
    "indneutralize(delta(vwap, 5), sector)": "indneutralize(delta(vwap, 5), sector) compares price",
    "rank(ts_var(close, 5))": "rank(ts_var(close, 5)) compares prices",
    "neutralize(close, returns)": "neutralize(close, returns) compares prices",
}


@pytest.mark.parametrize("text", FINE)
def test_what_may_be_compared_is_not_warned_of(text):
    assert mismatches(parse(text)) == []


@pytest.mark.parametrize("text", WARNED)
def test_what_no_unit_allows_is_said(text):
    (warning,) = mismatches(parse(text))
    assert warning.startswith(WARNED[text])


def test_it_is_said_once():
    assert len(mismatches(parse("rank(close) + rank(close) * rank(close)"))) == 1


def test_every_operator_has_a_unit_or_is_known_to_have_none():
    assert {*TABLE} == RATIOS | KEPT | ALIKE | UNKNOWN | {*POWERS} | {*PRODUCTS}
