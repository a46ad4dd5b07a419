"""The dialect of TDX (Tongdaxin), as charting programs of China write indicators.

A text may be several lines, ``NAME := formula;`` or ``NAME : formula;``; the last one is the
factor. Parameters are lines too: ``N := 9;``. ``=`` compares, ``AND`` and ``OR`` join, a window of
0 rows is all so far. Comments and styles of lines (``COLORRED``) are read over; words that draw,
look ahead, or need data of their own are refused by name. Where TDX has 0 before there is
anything to compare with, this language has NaN.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.expr.dialects.shared import recursive
from engine.expr.foreign import Dialect
from engine.expr.ops import MAX_WINDOW
from engine.expr.words import Arguments, number, table

_DRAWS = (
    "drawtext", "drawtext_fix", "drawicon", "drawnumber", "drawnumber_fix", "drawkline",
    "drawband", "drawline", "drawsl", "drawbmp", "drawgbk", "drawgbk2", "drawcolorkline",
    "drawflagtext", "drawrectrel", "stickline", "stickline1", "ployline", "polyline", "partline",
    "vertline", "fillrgn", "floatrgn", "tipword", "playsound", "explain", "drawnull",
)  # fmt: skip
_AHEAD = (
    "zig", "zigzag", "peak", "peakbars", "trough", "troughbars", "backset", "refx", "refxv",
    "refx1", "refdate", "const", "last_bar", "currbarscount", "totalbarscount", "islastbar",
    "drawlastbar", "ffill", "xma",
)  # fmt: skip
_OWN = (
    "winner", "lwinner", "pwinner", "cost", "ppart", "finance", "dynainfo", "gpjyvalue",
    "scjyvalue", "bkjyvalue", "finone", "extern_value", "signals_sys", "signals_user",
)  # fmt: skip
_BEFORE = "ts_min(delay(x < y, 1), d)"


def _ago(arguments: Arguments) -> str:
    return "delay(x, d)" if number(arguments, "d") else "x"


def _turns(condition: str) -> Callable[[Arguments], str]:
    """1 where a condition has held for d rows; with d = 0, on all of them."""
    held = f"ts_min({condition}, d)"
    return lambda given: f"ts_known({condition}, d) == d && {held}" if number(given, "d") else held


def _rows_since(place: str) -> Callable[[Arguments], str]:
    """Rows since an extreme, from its place in the window."""

    def meaning(arguments: Arguments) -> str:
        d = number(arguments, "d") or float(MAX_WINDOW)
        return f"{d!r} - {place}(x, {d!r})"

    return meaning


TDX = Dialect(
    "tdx",
    table(
        {
            "abs(x)": "abs(x)",
            "max(*x)": "maximum(x, y)",
            "min(*x)": "minimum(x, y)",
            "ln(x)": "log(x)",
            "log(x)": "log(x) / 2.302585092994046",
            "pow(x, y)": "x ^ y",
            "sqr|square(x)": "x * x",
            "sgn|sign(x)": "sign(x)",
            "reverse(x)": "-x",
            "intpart(x)": "sign(x) * floor(abs(x))",
            "ceiling|ceil(x)": "-floor(-x)",
            "fracpart(x)": "x - sign(x) * floor(abs(x))",
            "round(x)": "sign(x) * floor(abs(x) + 0.5)",
            "mod(x, y)": "x - y * floor(x / y)",
            "if|iff(c, x, y)": "where(c, x, y)",
            "ifn(c, x, y)": "where(c, y, x)",
            "not(x)": "not(x)",
            "between(x, y, z)": "(x >= y && x <= z) || (x <= y && x >= z)",
            "range(x, y, z)": "x > y && x < z",
            "ref(x, d)": _ago,
            "ma(x, d)": "ts_mean(x, d)",
            "ema|expma|expmema(x, d)": "ema(x, d)",
            "sma(x, d, m)": recursive,
            "mema(x, d)": "smooth(x, d, 1)",
            "wma(x, d)": "decay_linear(x, d)",
            "dma(x, y)": "adapt(x, y)",
            "sum(x, d)": "ts_sum(x, d)",
            "count(x, d)": "ts_count(x, d)",
            "hhv(x, d)": "ts_max(x, d)",
            "llv(x, d)": "ts_min(x, d)",
            "hhvbars(x, d)": _rows_since("ts_argmax"),
            "llvbars(x, d)": _rows_since("ts_argmin"),
            "std|stddev(x, d)": "stddev(x, d)",
            "stdp(x, d)": "stddev(x, d) * ((ts_known(x, d) - 1) / ts_known(x, d)) ^ 0.5",
            "var(x, d)": "ts_var(x, d)",
            "varp(x, d)": "ts_var(x, d) * (ts_known(x, d) - 1) / ts_known(x, d)",
            "avedev(x, d)": "ts_mad(x, d)",
            "devsq(x, d)": "ts_var(x, d) * (ts_known(x, d) - 1)",
            "mular(x, d)": "product(x, d)",
            "slope(x, d)": "slope(x, d)",
            "forcast(x, d)": "x - resi(x, d)",
            "relate|correl(x, y, d)": "correlation(x, y, d)",
            "cov(x, y, d)": "covariance(x, y, d)",
            "beta(x, y, d)": "beta(x, y, d)",
            "cross(x, y)": "x > y && delay(x <= y, 1)",
            "longcross(x, y, d)": f"x > y && ts_known(delay(x < y, 1), d) == d && {_BEFORE}",
            "every(x, d)": _turns("x != 0"),
            "exist(x, d)": "ts_max(x != 0, d)",
            "upnday(x, d)": _turns("x > delay(x, 1)"),
            "downnday(x, d)": _turns("x < delay(x, 1)"),
            "nday(x, y, d)": _turns("x > y"),
            "barslast(x)": "bars_since(x)",
            "barslastcount(x)": "fillna(bars_since(x == 0), ts_known(x, 100000))",
            "barscount(x)": "ts_known(x, 100000)",
            "filter(x, d)": "thin(x, d)",
        }
    ),
    names={
        "c": "close",
        "o": "open",
        "h": "high",
        "l": "low",
        "v": "volume",
        "vol": "volume",
        "amo": "amount",
        "indexc": "benchmark_close",
        "indexo": "benchmark_open",
    },
    refused={
        **dict.fromkeys(_DRAWS, "it draws, and a factor is a number: leave it out"),
        **dict.fromkeys(_AHEAD, "it changes with later rows: no factor can look ahead"),
        **dict.fromkeys(_OWN, "it needs data of TDX: bring a column of the bars and name that"),
    },
    zero=True,
)
