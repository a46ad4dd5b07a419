"""What `engine factors explain` says of a formula."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from engine.expr import kernels
from engine.expr.explanation import explain, warnings
from engine.expr.parser import parse


def test_everything_about_a_formula():
    text = "indneutralize(close / delay(close, 5) - close / delay(close, 5), IndClass.sector)"
    plain = "indneutralize(((close / delay(close, 5)) - (close / delay(close, 5))), sector)"
    assert explain(parse(text)).split("\n") == [
        f"formula    {plain}",
        f"canonical  {plain}",
        f"key        {sha256(plain.encode()).hexdigest()}",
        "fields     close",
        "groupings  sector",
        "lookback   5 rows",
        "depth      5",
        "operators  6, 4 of them different",
        "warning    ((close / delay(close, 5)) - (close / delay(close, 5))) takes the same twice",
        "",
        "indneutralize sector",
        "  sub",
        "    div",
        "      close",
        "      delay 5",
        "        close",
        "    div",
        "      close",
        "      delay 5",
        "        close",
    ]


@pytest.mark.parametrize("text", ["ema(close, 5)", "returns", "Mean($close, 0)"])
def test_what_reads_everything_is_unbounded(text):
    assert "lookback   unbounded: it reads all rows so far" in explain(parse(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("close / delay(close, 1)", []),
        ("1 + 2", ["the formula is a constant: name a field such as close"]),
        ("close * rank(3)", ["rank(3) compares a constant with itself"]),
        ("ts_mean(close, 1)", ["ts_mean(close, 1) has a window of one row: widen it, or leave "
                               "ts_mean out"]),
        ("stddev(close, 1)", ["stddev(close, 1) is always NaN: stddev needs 2 values, the window "
                              "is 1"]),
        ("ts_skew(close, 2) * ts_skew(close, 2)",
         ["ts_skew(close, 2) is always NaN: ts_skew needs 3 values, the window is 2"]),
        ("max(returns, 2)", ["max(returns, 2) is over time, ts_max of 2 rows: maximum(returns, 2) "
                             "compares with 2"]),
        ("min(returns, market) + max(returns, 0.5) + ts_max(returns, 2)", []),
        ("Max($volume, 2)", []),
        ("stddev(returns, 2) + ts_skew(close, 3) + ts_kurt(close, 4)", []),
        ("rank(high)", ["rank(high) compares prices of different symbols, which say nothing of "
                        "value: divide by a price first"]),
        ("correlation(close, close, 9)", ["correlation(close, close, 9) takes the same twice"]),
    ],
)  # fmt: skip
def test_what_looks_like_a_mistake_is_said_once(text, expected):
    assert warnings(parse(text)) == expected


def test_a_word_that_another_dialect_reads_both_ways_is_told_too():
    assert warnings(parse("MAX(RET,2)", "gtja")) == [
        "max(returns, 2) is over time, ts_max of 2 rows: maximum(returns, 2) compares with 2"
    ]
    assert warnings(parse("MAX(RET,0) + MAX(RET,OPEN/CLOSE)", "gtja")) == []
    assert warnings(parse("max(returns, 2) + ts_max(returns, 2)", "brain")) == []


@pytest.mark.parametrize("name", ["stddev", "ts_skew", "ts_kurt", "slope", "resi", "rsquare"])
def test_what_is_called_always_nan_is_so_and_no_more(name):
    """Against the kernels: the shortest window that is not warned of has values."""
    x = np.random.default_rng(2).normal(size=(30, 1))
    for d in range(1, 6):
        made = np.empty_like(x)
        getattr(kernels, name)(x, d, made)
        assert np.isnan(made).all() == bool(warnings(parse(f"{name}(close, {d})")))
