"""The dialect of Guotai Junan's 191 alphas.

After the list of functions of the report, "Multi-factor stock selection by short-period price and
volume characteristics" (Guotai Junan Securities, 2017). ``=`` compares; ``&`` and ``|`` bind less
than comparisons. ``MAX`` and ``MIN`` are cell by cell, but over time with a number of 1 or more:
so the paper has it, whose alphas the report took over.
``WMA(x, n)`` weighs a row of i rows ago by 0.9^i. The report does not say whether ``RANK`` and
``TSRANK`` count: they are shares, as in the paper's dialect. ``AMOUNT`` is vwap × volume where the
bars have none; benchmark prices are the columns ``benchmark_open`` and ``benchmark_close``.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.expr.dialects.shared import recursive, regression
from engine.expr.foreign import Dialect
from engine.expr.nodes import Call, Field, Number
from engine.expr.words import Arguments, number, table


def _over(time: str, cells: str) -> Callable[[Arguments], str]:
    """What MAX or MIN is: a number of 1 or more is a window of rows in the alphas."""

    def meaning(arguments: Arguments) -> str:
        y = arguments["y"]
        rows = isinstance(y, Number) and y.value >= 1
        return f"{time}(x, y)" if rows else f"{cells}(x, y)"

    return meaning


def _beta(arguments: Arguments) -> str:
    """The slope on 1, 2, 3 … where the second argument is SEQUENCE."""
    return "slope(x, d)" if _is_sequence(arguments) else "beta(x, y, d)"


def _read_sequence(arguments: Arguments) -> str:
    """The same where the sequence says how long it is."""
    y = arguments["y"]
    if not (isinstance(y, Call) and y.op == "sequence"):
        raise ValueError("y must be SEQUENCE(n), or give the rows: REGBETA(x, y, n)")
    return f"slope(x, {number({'n': y.args[0]}, 'n'):g})"


def _is_sequence(arguments: Arguments) -> bool:
    y = arguments["y"]
    return y == Field("sequence") or (isinstance(y, Call) and y.op == "sequence")


GTJA = Dialect(
    "gtja",
    table(
        {
            "abs(x)": "abs(x)",
            "max(x, y)": _over("ts_max", "maximum"),
            "min(x, y)": _over("ts_min", "minimum"),
            "delay(x, d=1)": "delay(x, d)",
            "sum(x, d)": "ts_sum(x, d)",
            "mean|ma(x, d)": "ts_mean(x, d)",
            "std(x, d)": "stddev(x, d)",
            "corr(x, y, d)": "correlation(x, y, d)",
            "coviance|covariance(x, y, d)": "covariance(x, y, d)",
            "tsmax(x, d)": "ts_max(x, d)",
            "tsmin(x, d)": "ts_min(x, d)",
            "tsrank(x, d)": "ts_rank(x, d)",
            "prod(x, d)": "product(x, d)",
            "count(x, d)": "ts_count(x, d)",
            "sumif(x, d, c)": "ts_sum(where(c, x, 0), d)",
            "sma|smean(x, d, m)": recursive,
            "wma(x, d)": "decay_exp(x, d, 0.9)",
            "decaylinear(x, d)": "decay_linear(x, d)",
            "highday(x, d)": "d - ts_argmax(x, d)",
            "lowday(x, d)": "d - ts_argmin(x, d)",
            "regbeta(x, y)": _read_sequence,
            "regbeta(x, y, d)": _beta,
            "regresi(y, x, d)": regression(0),
            "filter(x, c)": "filter(x, c)",
            "sumac(x)": "ts_sum(x, 100000)",
            "sumac(x, d)": "ts_sum(x, d)",
        }
    ),
    names={
        "ret": "returns",
        "vol": "volume",
        "banchmarkindexclose": "benchmark_close",
        "banchmarkindexopen": "benchmark_open",
        "dtm": "where(open <= delay(open, 1), 0, maximum(high - open, open - delay(open, 1)))",
        "dbm": "where(open >= delay(open, 1), 0, maximum(open - low, open - delay(open, 1)))",
        "tr": "maximum(maximum(high - low, abs(high - delay(close, 1))), "
        "abs(low - delay(close, 1)))",
        "hd": "high - delay(high, 1)",
        "ld": "delay(low, 1) - low",
    },
    markers=frozenset({"sequence"}),
)
