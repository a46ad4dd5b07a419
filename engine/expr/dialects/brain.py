"""The dialect of WorldQuant BRAIN, "Fast Expression".

After the public lists of its operators. Comparisons do not follow one another; ``=`` names an
argument, or a line: ``a = rank(close); b = a * 2; b``. Fields of vectors have one value a cell
here, so ``vec_avg(x)`` and its kin are x. Where the lists are silent, this language's rules hold:
deviations are of n-1, ``ts_arg_max`` takes the oldest of equals, windows begin with what there is.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.expr.dialects.shared import KINDS, MOMENTS, regression
from engine.expr.foreign import Dialect
from engine.expr.nodes import Call
from engine.expr.words import Arguments, number, table, text_of

_ROUND = "round(2 * ts_rank(x, d) * ts_known(x, d)) / 2"  # ranks are whole and half numbers

_ON_ROWS = {
    0: "resi(y, d)",
    2: "slope(y, d)",
    3: "y - resi(y, d)",
    6: "rsquare(y, d)",
}  # on the row number


def _linear(arguments: Arguments) -> str:
    if number(arguments, "dense"):
        return "decay_linear(x, d)"
    return "filter(decay_linear(fillna(x, 0), d), ts_known(x, d))"


def _regression(arguments: Arguments) -> str:
    kind, lag = number(arguments, "rettype"), number(arguments, "lag")
    if kind not in range(KINDS):
        raise ValueError(f"rettype must be 0 to {KINDS - 1}")
    if isinstance(arguments["x"], Call) and arguments["x"].op == "ts_step":
        if kind not in _ON_ROWS:
            raise ValueError(f"rettype must be {', '.join(map(str, _ON_ROWS))} on ts_step")
        return _ON_ROWS[int(kind)]
    return regression(int(kind), "delay(x, lag)" if lag else "x")


def _moment(arguments: Arguments) -> str:
    k = number(arguments, "k")
    if k not in MOMENTS:
        raise ValueError(f"k must be one of {', '.join(map(str, MOMENTS))}")
    return MOMENTS[int(k)]


def _last(arguments: Arguments) -> str:
    if number(arguments, "k") != 1:
        raise ValueError("k must be 1: the last value")
    return "ts_backfill(x, lookback)"


def _percentage(arguments: Arguments) -> str:
    if number(arguments, "percentage") != 0.5:
        raise ValueError("percentage must be 0.5: the median")
    return "group_median(x, g)"


def _drive(arguments: Arguments) -> str:
    """The share of a rank, moved off 0 and 1, as the value of a distribution."""
    share = "(1 / cs_count(x) + unit_rank(x) * (1 - 2 / cs_count(x)))"
    driver = text_of(arguments["driver"])
    if driver == "gaussian":
        return f"probit{share} * sigma"
    if driver == "uniform":
        return f"({share} - 0.5) * sigma"
    raise ValueError("driver must be gaussian or uniform")


def _normal(arguments: Arguments) -> str:
    made = "zscore(x)" if number(arguments, "usestd") else "demean(x)"
    if number(arguments, "limit"):
        return f"minimum(maximum({made}, -limit), limit)"
    return made


def _bucket(arguments: Arguments) -> str:
    """Which of the ranges of values x lies in, counted from 0."""
    try:
        if arguments["buckets"]:
            edges = [float(edge) for edge in text_of(arguments["buckets"]).split(",")]
            return " + ".join(f"(x >= {edge!r})" for edge in edges)
        low, high, step = (float(part) for part in text_of(arguments["range"]).split(","))
    except ValueError:
        raise ValueError('range must be such as "0, 1, 0.1"') from None
    last = (high - low) / step
    return f"minimum(maximum(floor((x - {low!r}) / {step!r}), -1), {last!r}) + 1"


def _choose(plain: str, filtered: str) -> Callable[[Arguments], str]:
    return lambda arguments: filtered if number(arguments, "filter") else plain


def _to_nan(arguments: Arguments) -> str:
    return "fillna(x, value)" if number(arguments, "reverse") else "filter(x, x != value)"


BRAIN = Dialect(
    "brain",
    table(
        {
            # cell by cell
            "add(*x, filter=false)": _choose("x + y", "fillna(x, 0) + fillna(y, 0)"),
            "subtract(*x, filter=false)": _choose("x - y", "fillna(x, 0) - fillna(y, 0)"),
            "multiply(*x, filter=false)": _choose("x * y", "fillna(x, 1) * fillna(y, 1)"),
            "divide(x, y)": "x / y",
            "inverse(x)": "1 / x",
            "reverse(x)": "-x",
            "signed_power(x, y)": "signedpower(x, y)",
            "s_log_1p(x)": "sign(x) * log1p(abs(x))",
            "log_diff(x)": "log(x) - log(delay(x, 1))",
            "fraction(x)": "sign(x) * (abs(x) - floor(abs(x)))",
            "ceiling(x)": "-floor(-x)",
            "round_down(x, f=1)": "floor(x / f) * f",
            "max(*x)": "maximum(x, y)",
            "min(*x)": "minimum(x, y)",
            "clamp(x, lower=-1, upper=1)": "minimum(maximum(x, lower), upper)",
            "nan_mask(x, y)": "filter(x, y >= 0)",
            "nan_out(x, lower, upper)": "filter(x, (x >= lower) && (x <= upper))",
            "to_nan(x, value=0, reverse=false)": _to_nan,
            "left_tail(x, maximum=0)": "filter(x, x <= maximum)",
            "right_tail(x, minimum=0)": "filter(x, x >= minimum)",
            "tail(x, lower=0, upper=0, newval=0)": (
                "where((x >= lower) && (x <= upper), newval, x)"
            ),
            "purify|pasteurize|densify(x)": "x",
            "if_else(c, x, y)": "where(c, x, y)",
            "is_nan|is_not_finite(x)": "unknown(x)",
            "is_not_nan|is_finite(x)": "not(unknown(x))",
            "less(x, y)": "x < y",
            "less_equal(x, y)": "x <= y",
            "greater(x, y)": "x > y",
            "greater_equal(x, y)": "x >= y",
            "equal(x, y)": "x == y",
            "not_equal(x, y)": "x != y",
            "vec_avg|vec_sum|vec_max|vec_min|vec_choose(x, nth=0)": "x",
            # over time
            "ts_delay(x, d)": "delay(x, d)",
            "ts_delta(x, d)": "delta(x, d)",
            "ts_corr(x, y, d)": "correlation(x, y, d)",
            "ts_partial_corr(x, y, z, d)": (
                "(correlation(x, y, d) - correlation(x, z, d) * correlation(y, z, d)) / "
                "((1 - correlation(x, z, d) ^ 2) * (1 - correlation(y, z, d) ^ 2)) ^ 0.5"
            ),
            "ts_covariance(y, x, d)": "covariance(y, x, d)",
            "ts_std_dev|ts_stddev(x, d)": "stddev(x, d)",
            "ts_product(x, d)": "product(x, d)",
            "ts_arg_max(x, d)": "d - ts_argmax(x, d)",
            "ts_arg_min(x, d)": "d - ts_argmin(x, d)",
            "ts_decay_linear(x, d, dense=false)": _linear,
            "ts_decay_exp_window(x, d, factor=1)": "decay_exp(x, d, factor)",
            "ts_rank(x, d)": f"({_ROUND} - 1) / (ts_known(x, d) - 1)",
            "ts_rank(x, d, constant)": f"({_ROUND} - 1) / (ts_known(x, d) - 1) + constant",
            "ts_zscore(x, d)": "(x - ts_mean(x, d)) / stddev(x, d)",
            "ts_scale(x, d)": "(x - ts_min(x, d)) / (ts_max(x, d) - ts_min(x, d))",
            "ts_scale(x, d, constant)": (
                "(x - ts_min(x, d)) / (ts_max(x, d) - ts_min(x, d)) + constant"
            ),
            "ts_ir(x, d)": "ts_mean(x, d) / stddev(x, d)",
            "ts_av_diff(x, d)": "x - ts_mean(x, d)",
            "ts_returns(x, d, mode=1)": "x / delay(x, d) - 1",
            "ts_min_diff(x, d)": "x - ts_min(x, d)",
            "ts_max_diff(x, d)": "x - ts_max(x, d)",
            "ts_min_max_cps(x, d, f=2)": "(ts_min(x, d) + ts_max(x, d)) - f * x",
            "ts_min_max_diff(x, d, f=0.5)": "x - f * (ts_min(x, d) + ts_max(x, d))",
            "ts_percentage(x, d, percentage=0.5)": "ts_quantile(x, d, percentage)",
            "ts_skewness(x, d)": "ts_skew(x, d)",
            "ts_kurtosis(x, d)": "ts_kurt(x, d)",
            "ts_count_nans(x, d)": "ts_sum(unknown(x), d)",
            "ts_backfill|kth_element(x, lookback, k=1, ignore=nan)": _last,
            "ts_moment(x, d, k)": _moment,
            "ts_regression(y, x, d, lag=0, rettype=0)": _regression,
            "ts_vector_proj(x, y, d)": ("y * ts_sum(x * y, d) / ts_sum(filter(y * y, x == x), d)"),
            "ts_vector_neut(x, y, d)": (
                "x - y * ts_sum(x * y, d) / ts_sum(filter(y * y, x == x), d)"
            ),
            "days_from_last_change(x)": (
                "bars_since(ts_backfill(x, 100000) != delay(ts_backfill(x, 100000), 1))"
            ),
            "last_diff_value(x, d)": (
                "ts_backfill(filter(delay(ts_backfill(x, 100000), 1), "
                "ts_backfill(x, 100000) != delay(ts_backfill(x, 100000), 1)), d)"
            ),
            "hump(x, hump=0.01)": "hump(x, hump * cs_sum(abs(x)))",
            "jump_decay(x, d, sensitivity=0.5, force=0.1)": (
                "where(abs(delta(x, 1)) > sensitivity * stddev(x, d), "
                "delay(x, 1) + delta(x, 1) * force, x)"
            ),
            # over the symbols of one date
            "rank(x, rate=2)": "unit_rank(x)",
            "winsorize(x, std=4)": "winsorize(x, std)",
            "normalize(x, usestd=false, limit=0)": _normal,
            "quantile(x, driver=gaussian, sigma=1)": _drive,
            "scale(x, scale=1)": "scale(x, scale)",
            "scale(x, scale=1, longscale=1, shortscale=1)": (
                "where(x > 0, scale * longscale * x / cs_sum(maximum(x, 0)), "
                "scale * shortscale * x / -cs_sum(minimum(x, 0)))"
            ),
            "scale_down(x, constant=0)": ("(x - cs_min(x)) / (cs_max(x) - cs_min(x)) - constant"),
            "truncate(x, maxpercent=0.01)": (
                "minimum(maximum(x, -maxpercent * cs_sum(abs(x))), maxpercent * cs_sum(abs(x)))"
            ),
            "regression_neut(y, x)": "neutralize(y, x)",
            "regression_proj(y, x)": "y - neutralize(y, x)",
            "vector_proj(x, y)": "y * cs_sum(x * y) / cs_sum(filter(y * y, x == x))",
            "vector_neut(x, y)": "x - y * cs_sum(x * y) / cs_sum(filter(y * y, x == x))",
            # of groups
            "group_neutralize(x, g)": "indneutralize(x, g)",
            "group_rank(x, g)": "group_unit_rank(x, g)",
            "group_mean(x, g)": "group_mean(x, g)",
            "group_mean(x, weight, g)": (
                "group_sum(x * weight, g) / group_sum(filter(weight, x == x), g)"
            ),
            "group_std_dev|group_stddev(x, g)": "group_std(x, g)",
            "group_percentage(x, g, percentage=0.5)": _percentage,
            "group_scale(x, g)": ("(x - group_min(x, g)) / (group_max(x, g) - group_min(x, g))"),
            "group_normalize(x, g, constantcheck=false, tolerance=0.01, scale=1)": (
                "scale * x / group_sum(abs(x), g)"
            ),
            "group_vector_proj(x, y, g)": (
                "y * group_sum(x * y, g) / group_sum(filter(y * y, x == x), g)"
            ),
            "group_vector_neut(x, y, g)": (
                "x - y * group_sum(x * y, g) / group_sum(filter(y * y, x == x), g)"
            ),
            "group_extra(x, weight, g)": (
                "fillna(x, group_sum(fillna(x, 0) * weight, g) / "
                "group_sum((1 - unknown(x)) * weight, g))"
            ),
            # changed when they may be
            "trade_when(x, y, z)": "trade_when(x, y, z)",
            "bucket(x, range=, buckets=)": _bucket,
        }
    ),
    names={"nan": "0 / 0"},
    refused={
        "ts_quantile": "how it moves ranks off 0 and 1 is not published: "
        "write quantile(ts_rank(x, d))",
        "hump_decay": "what it does with small changes is not published: write hump(x, hump=0.01)",
        "group_backfill": "it pools days and names: "
        "write ts_backfill(x, d), or if_else(is_nan(x), group_mean(ts_mean(x, d), g), x)",
        "group_coalesce": "make one grouping of them: a text column of the bars",
        "inst_pnl": "it needs an account: a run has one",
        "inst_tvr": "it needs an account: a run has one",
        "vec_count": "a cell of a field has one value here",
        "group_cartesian_product": "make one grouping of the two: a text column of the bars",
    },
    markers=frozenset({"ts_step"}),
)
