"""What stands for words that several dialects have."""

from __future__ import annotations

from engine.expr.words import Arguments, number

KINDS = 10  # of what a regression tells
_N = "ts_known(x, d)"
SKEW = f"ts_skew(x, d) * ({_N} - 2) / ({_N} * ({_N} - 1)) ^ 0.5"  # m3 / m2^1.5
_EXCESS = f"((ts_kurt(x, d) * ({_N} - 2) * ({_N} - 3) / ({_N} - 1) - 6) / ({_N} + 1))"
KURT = f"({_EXCESS} + 3) * (({_N} - 1) / {_N}) ^ 2 - 3"  # m4 / var^2 - 3, var of n-1
_M2 = f"(ts_var(x, d) * ({_N} - 1) / {_N})"
MOMENTS = {2: _M2, 3: f"({SKEW}) * {_M2} ^ 1.5", 4: f"({_EXCESS} + 3) * {_M2} ^ 2"}


def regression(kind: int, x: str = "x") -> str:
    """What BRAIN's rettype means, of y on x over d rows, both where both are known."""
    ys, xs = f"filter(y, {x} == {x})", f"filter({x}, y == y)"
    slope, left, rows = f"beta(y, {x}, d)", f"resid_std(y, {x}, d)", f"ts_known({ys}, d)"
    level = f"(ts_mean({ys}, d) - {slope} * ts_mean({xs}, d))"
    spread = f"(ts_var({xs}, d) * ({rows} - 1))"
    return (
        f"(y - ts_mean({ys}, d)) - {slope} * ({x} - ts_mean({xs}, d))",
        level,
        slope,
        f"{level} + {slope} * {x}",
        f"{left} ^ 2 * ({rows} - 2)",
        f"ts_var({ys}, d) * ({rows} - 1)",
        f"correlation(y, {x}, d) ^ 2",
        f"{left} ^ 2",
        f"{left} / {spread} ^ 0.5",
        f"{left} * (1 / {rows} + ts_mean({xs}, d) ^ 2 / {spread}) ^ 0.5",
    )[kind]


def fading(arguments: Arguments) -> str:
    """Exponential mean of the window's rows alone, as alphagen has it."""
    d = number(arguments, "d")
    return f"decay_exp(x, d, {1.0 - 2.0 / (d + 1.0)!r})"


def lower_median(arguments: Arguments) -> str:
    """The lower of the two middle values of a full window, as torch has it."""
    d = number(arguments, "d")
    return f"ts_quantile(x, d, {((d + 1.0) // 2.0 - 1.0) / max(d - 1.0, 1.0)!r})"


def recursive(arguments: Arguments) -> str:
    """SMA of GTJA and tdx: m/d of the row, and the rest of the row before."""
    if number(arguments, "m") > number(arguments, "d"):
        raise ValueError("m must be at most d")
    return "smooth(x, d, m)"
