"""The operator table: name, arguments, lookback and meaning of every operator.

Kernels of the operators are the functions of the same name in `engine.expr.kernels`
(time series), `engine.expr.sections` (cross-sections) and `engine.expr.cells` (cell by
cell); each has a slow twin of the same name in `engine.expr.slow`.

Arguments are written as one letter each: ``x`` an array, ``d`` a window of rows (a positive
whole constant; a fraction is floored), ``n`` a constant, ``g`` a grouping of the symbols.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from engine.core.panel import FloatArray

MAX_WINDOW = 100_000  # rows; a longer window is all that has been


@dataclass(frozen=True)
class Op:
    """One row of the table.

    Parameters
    ----------
    name : str
        Canonical name, and the name of its kernel.
    args : str
        One letter per argument: x, d, n or g.
    room : {"cells", "kernels", "sections"}
        Module of the kernel.
    reach : {"none", "window", "shift", "all"}
        Rows before t that row t reads: 0, d-1, d, or all of them.
    doc : str
        What it gives, and its NaN rule where it is not the common one.
    aliases : tuple of str
        Other names.
    qlib : str
        Its name in Qlib's dialect (`engine.expr.qlib`), where there is one.
    defaults : tuple of float
        Values of the last constants when they are left out.
    bounds : tuple of float
        Least and greatest value of the constant ``n``.
    infix : str
        How it is printed, when it is an operator sign.
    kernel : callable, optional
        The kernel itself, when it does not stand in the room's module: a plugin's.
    resumes : bool
        Whether a row's value is all that later rows need of the rows up to it, though they reach
        back to the first: where it stands in the first argument in place of those rows, they come
        out to the bit. In float64 alone, for that is what kernels keep between two rows.
    """

    name: str
    args: str
    room: str
    reach: str
    doc: str
    aliases: tuple[str, ...] = ()
    qlib: str = ""
    defaults: tuple[float, ...] = ()
    bounds: tuple[float, float] = (-math.inf, math.inf)
    infix: str = ""
    kernel: Callable[..., FloatArray] | None = None
    resumes: bool = False

    def lookback(self, windows: list[int]) -> int | None:
        """Rows before t that row t reads of its arrays; None when all."""
        rows: dict[str, Callable[[], int | None]] = {
            "none": lambda: 0,
            "window": lambda: windows[0] - 1 if windows[0] < MAX_WINDOW else None,
            "shift": lambda: windows[0],
            "all": lambda: None,
        }
        return rows[self.reach]()


def _cell(
    name: str, args: str, doc: str, qlib: str = "", *, infix: str = "", also: tuple[str, ...] = ()
) -> Op:
    return Op(name, args, "cells", "none", doc, aliases=also, qlib=qlib, infix=infix)


def _window(name: str, args: str, doc: str, *aliases: str, qlib: str = "") -> Op:
    return Op(name, args, "kernels", "window", doc, aliases=aliases, qlib=qlib)


def _section(name: str, args: str, doc: str) -> Op:
    return Op(name, args, "sections", "none", doc)


def _state(name: str, args: str, doc: str, qlib: str = "", *, resumes: bool = False) -> Op:
    return Op(name, args, "kernels", "all", doc, qlib=qlib, resumes=resumes)


_LEFT = (
    "least squares with an intercept, over symbols with all values; NaN if one of them is "
    "constant or follows from the others, or values are fewer than coefficients and one more"
)
_UNIT = "average rank from 0, the least, to 1, the greatest; 0.5 of one value"
_TOLD = (
    ("sum", "sum"),
    ("count", "number of values"),
    ("min", "least value"),
    ("max", "greatest value"),
    ("std", "standard deviation (n-1); needs 2 values"),
    ("median", "median"),
)
UNGROUPED = {  # an operator of groups: the same with all symbols in one
    "indneutralize": "demean",
    "group_mean": "cs_mean",
    "group_zscore": "zscore",
    "group_rank": "rank",
    "group_unit_rank": "unit_rank",
} | {f"group_{name}": f"cs_{name}" for name, _ in _TOLD}
_UNKNOWN = "NaN where one of them is NaN (Qlib: 0)"
_ROWS = (
    # cell by cell: NaN in, NaN out; a result that is not finite is NaN
    _cell("add", "xx", "x + y", "Add", infix="+"),
    _cell("sub", "xx", "x - y", "Sub", infix="-"),
    _cell("mul", "xx", "x * y", "Mul", infix="*"),
    _cell("div", "xx", "x / y; NaN where y is 0", "Div", infix="/"),
    _cell(
        "power",
        "xx",
        "x ^ y; NaN where it is not a real number, or x or y is NaN (Qlib: NaN ^ 0 is 1)",
        "Power",
        infix="^",
        also=("pow",),
    ),
    _cell("neg", "x", "-x"),
    _cell("abs", "x", "|x|", "Abs"),
    _cell("log", "x", "natural logarithm; NaN for x <= 0", "Log"),
    _cell("exp", "x", "e^x"),
    _cell("log1p", "x", "natural logarithm of 1 + x; NaN for x <= -1"),
    _cell("floor", "x", "the whole number at or below x"),
    _cell("round", "x", "the nearest whole number, halves to the even one"),
    _cell("tanh", "x", "hyperbolic tangent"),
    _cell("sigmoid", "x", "1 / (1 + e^-x)"),
    _cell("probit", "x", "the value below which a normal variable lies with probability x"),
    _cell("unknown", "x", "1 where x is NaN, else 0", also=("is_nan", "isnan")),
    _cell("fillna", "xx", "x, or y where x is NaN"),
    _cell("sqrt", "x", "square root; NaN for x < 0"),
    _cell("sign", "x", "-1, 0 or 1", "Sign"),
    _cell("signedpower", "xx", "sign(x) * |x|^y"),
    _cell("minimum", "xx", "the lesser of x and y", "Less", also=("less",)),
    _cell("maximum", "xx", "the greater of x and y", "Greater", also=("greater",)),
    _cell("lt", "xx", f"1 where x < y, else 0; {_UNKNOWN}", "Lt", infix="<"),
    _cell("gt", "xx", f"1 where x > y, else 0; {_UNKNOWN}", "Gt", infix=">"),
    _cell("le", "xx", f"1 where x <= y, else 0; {_UNKNOWN}", "Le", infix="<="),
    _cell("ge", "xx", f"1 where x >= y, else 0; {_UNKNOWN}", "Ge", infix=">="),
    _cell("eq", "xx", f"1 where x = y, else 0; {_UNKNOWN}", "Eq", infix="=="),
    _cell(
        "ne",
        "xx",
        "1 where x differs from y, else 0; NaN where one of them is NaN (Qlib: 1)",
        "Ne",
        infix="!=",
    ),
    _cell("both", "xx", "1 where neither x nor y is 0, else 0", "And", infix="&&", also=("and",)),
    _cell("either", "xx", "1 where x or y is not 0, else 0", "Or", infix="||", also=("or",)),
    _cell("neither", "x", "1 where x is 0, else 0", "Not", also=("not",)),
    _cell("where", "xxx", "y where x is not 0, else z; NaN where x is NaN", "If", also=("if",)),
    _cell("filter", "xx", "x where y is not 0, else NaN; NaN where y is NaN"),
    # over the symbols of one date: members with a value take part, all others get NaN
    Op(
        "rank",
        "x",
        "sections",
        "none",
        "average rank over the count, in (0, 1] (zipline: 1 … n, equal values by their order)",
        ("cs_rank",),
    ),
    _section(
        "dense_rank",
        "x",
        "rank among the different values over their number, in (0, 1]: equal ones leave no gap",
    ),
    Op("demean", "x", "sections", "none", "x less the mean"),
    _section(
        "zscore",
        "x",
        "x less the mean, over the std (n-1); NaN if constant; zscore(x, 0) is zipline's",
    ),
    Op(
        "zscore2",
        "xn",
        "sections",
        "none",
        "zscore(x, ddof): over the std (n-ddof), with ddof 1 as in pandas, or 0 as in zipline",
        bounds=(0.0, 1.0),
    ),
    Op("scale", "xn", "sections", "none", "x times a over the sum of |x|", defaults=(1.0,)),
    Op(
        "winsorize",
        "xn",
        "sections",
        "none",
        "x clipped to the mean plus or minus k std (n-1)",
        defaults=(3.0,),
        bounds=(0.0, math.inf),
    ),
    Op(
        "indneutralize",
        "xg",
        "sections",
        "none",
        "x less the mean of the symbol's group; symbols without a label are one group",
        ("group_demean", "group_neutralize"),
    ),
    _section("group_mean", "xg", "mean of the symbol's group"),
    _section(
        "group_zscore", "xg", "x less the mean, over the std (n-1), of its group; NaN if constant"
    ),
    _section("group_rank", "xg", "average rank in the symbol's group over its count, in (0, 1]"),
    _section("group_unit_rank", "xg", f"{_UNIT} in the symbol's group"),
    *(_section(f"group_{name}", "xg", f"{doc} of the symbol's group") for name, doc in _TOLD),
    # the same with groups that a formula makes: one for each value of y on the date
    *(
        _section(f"{name}_by", "xx", f"{name} of x in groups of equal y; NaN where y is NaN")
        for name in UNGROUPED
    ),
    _section("cs_mean", "x", "mean"),
    _section("unit_rank", "x", _UNIT),
    *(_section(f"cs_{name}", "x", doc) for name, doc in _TOLD),
    Op(
        "bucket",
        "xn",
        "sections",
        "none",
        "1 … q by average rank r of n: r q / n, rounded up; equal values in one bucket; a fraction "
        "of q is floored; qcut cuts as pandas and zipline do",
        ("cs_quantile",),
        bounds=(1.0, 1e6),
    ),
    Op(
        "qcut",
        "xn",
        "sections",
        "none",
        "1 … q by pandas' qcut (zipline's quantiles, from 0): between quantiles of the values, "
        "interpolated linearly; a value on an edge is in the lower bucket; equal edges leave a "
        "bucket empty, where pandas raises; a fraction of q is floored",
        bounds=(1.0, 1e6),
    ),
    _section("neutralize", "xx", f"what y leaves of x; {_LEFT}"),
    _section("neutralize2", "xxx", f"what y and z leave of x; {_LEFT}"),
    _section("neutralize3", "xxxx", f"what y, z and w leave of x; {_LEFT}"),
    # over the rows t-d+1 … t: NaN is skipped, one value is enough unless said otherwise
    Op("delay", "xd", "kernels", "shift", "x of d rows ago", ("ref",), "Ref"),
    Op("delta", "xd", "kernels", "shift", "x less x of d rows ago", (), "Delta"),
    _window("ts_sum", "xd", "sum", "sum", qlib="Sum"),
    _window("ts_mean", "xd", "mean", "mean", "sma", qlib="Mean"),
    _window("ts_count", "xd", "number of values that are not 0", "count"),
    _window("ts_known", "xd", "number of values; 0 for none", qlib="Count"),
    _window(
        "stddev", "xd", "standard deviation (n-1); needs 2 values", "ts_std", "std", qlib="Std"
    ),
    _window("ts_var", "xd", "variance (n-1); needs 2 values", "var", qlib="Var"),
    _window("ts_mad", "xd", "mean distance from the mean", "mad", qlib="Mad"),
    _window("ts_skew", "xd", "skewness, unbiased; needs 3 values that differ", "skew", qlib="Skew"),
    _window(
        "ts_kurt",
        "xd",
        "excess kurtosis, unbiased; needs 4 values that differ",
        "kurt",
        qlib="Kurt",
    ),
    _window("ts_median", "xd", "median", "median", "med", qlib="Med"),
    Op(
        "ts_quantile",
        "xdn",
        "kernels",
        "window",
        "quantile q, interpolated linearly",
        ("quantile",),
        "Quantile",
        bounds=(0.0, 1.0),
    ),
    _window("ts_min", "xd", "least value", qlib="Min"),
    _window("ts_max", "xd", "greatest value", qlib="Max"),
    _window("ts_argmin", "xd", "place of the first least value: 1 the oldest row, d the newest"),
    _window("ts_argmax", "xd", "place of the first greatest value: 1 the oldest row, d the newest"),
    _window("ts_idxmin", "xd", "ts_argmin, counted from the window's first value", qlib="IdxMin"),
    _window("ts_idxmax", "xd", "ts_argmax, counted from the window's first value", qlib="IdxMax"),
    _window(
        "ts_rank", "xd", "average rank of x among its last d values, over their count", qlib="Rank"
    ),
    _window("product", "xd", "product", "prod"),
    _window(
        "decay_linear",
        "xd",
        "mean with weights falling linearly from d to 1 (Qlib: over their count again)",
        "wma",
        qlib="WMA",
    ),
    _window(
        "correlation",
        "xxd",
        "Pearson, to 2^-46; needs 2 pairs; NaN if one is constant",
        "corr",
        qlib="Corr",
    ),
    _window("covariance", "xxd", "covariance (n-1); needs 2 pairs", "cov", qlib="Cov"),
    _window("beta", "xxd", "slope of x on y; needs 2 pairs; NaN if y is constant", "regbeta"),
    _window(
        "resid_std", "xxd", "std (n-2) of what y leaves of x; needs 3 pairs; NaN if y is constant"
    ),
    _window("slope", "xd", "slope of x on the row number, per row; needs 2 values", qlib="Slope"),
    _window("rsquare", "xd", "R² of x on the row number; NaN if x is constant", qlib="Rsquare"),
    _window(
        "resi", "xd", "what the row number leaves of x, at the newest row; 2 values", qlib="Resi"
    ),
    _window("ts_backfill", "xd", "the last value"),
    Op(
        "decay_exp",
        "xdn",
        "kernels",
        "window",
        "mean with weights 1, f, f² … from the newest row back",
        bounds=(0.0, 1.0),
    ),
    # over all rows so far
    _state(
        "smooth",
        "xdn",
        "exponential mean with weight m/d, started at the first value (SMA of GTJA and tdx)",
        resumes=True,
    ),
    _state(
        "adapt",
        "xx",
        "exponential mean with weight y, started at the first value (DMA of tdx)",
        resumes=True,
    ),
    _state(
        "trade_when",
        "xxx",
        "y of the last row where x > 0; NaN from a row where z > 0 until x > 0 again",
    ),
    _state("hump", "xx", "the row before, moved by y towards x where x is further from it than y"),
    _state("bars_since", "x", "rows since x was not 0; NaN before the first"),
    _state("thin", "xd", "1 where x is not 0 and no 1 is among the d rows before, else 0"),
    _state(
        "ema",
        "xd",
        "exponential mean with weight 2/(d+1), started at the first value",
        resumes=True,
    ),
    _state(
        "ewma",
        "xd",
        "mean with weights that fall by (d-1)/(d+1) a row, from the newest to the first",
        "EMA",
    ),
)

TABLE: dict[str, Op] = {op.name: op for op in _ROWS}
NAMES: dict[str, Op] = {n: op for op in _ROWS for n in (op.name, *op.aliases)}
QLIB: dict[str, Op] = {op.qlib: op for op in _ROWS if op.qlib}
INFIX: dict[str, Op] = {op.infix: op for op in _ROWS if op.infix}
# min(x, d) and max(x, d) with a constant of 1 or more are over time, as in the paper; with any
# other second argument (a formula, 0, a fraction below 1) they are cell by cell.
OVERLOADED = {"min": ("ts_min", "minimum"), "max": ("ts_max", "maximum")}
# neutralize(x, y, …) takes one to three arrays to be neutral to, zscore(x, ddof) a choice: an
# operator for each count.
BY_COUNT = {
    ("neutralize", 3): "neutralize2",
    ("neutralize", 4): "neutralize3",
    ("zscore", 2): "zscore2",
}
# operands that may change places: not a bit of the result changes
EITHER_WAY = frozenset({"add", "mul", "eq", "ne", "both", "either"})
MIRRORED = {"gt": "lt", "ge": "le"}  # a > b is b < a
