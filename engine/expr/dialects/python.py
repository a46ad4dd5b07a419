"""The dialect of formulas that Python programs write: AlphaForge's output, generated code, pandas.

Signs bind as in Python: ``&`` and ``|`` more than comparisons, which do not follow one another;
``x if c else y`` chooses. ``np.log`` is ``log``. AlphaForge's ``ts_ema`` is of its window's rows
alone, its ``ts_wma`` gives the oldest row no weight, its ``ts_med`` is the lower of two middle
values, its ``ts_min_max_diff`` a range. ``ts_rank``, ``ts_skew`` and ``ts_kurt``, which it does not
draw unless it is told to, are this language's own: ranks count from the least. Capitals of these
names count: ``ts_WMA`` and ``ts_SMA_CN`` are those of generated code.
"""

from __future__ import annotations

from engine.expr.dialects.shared import fading, lower_median, recursive
from engine.expr.foreign import Dialect
from engine.expr.words import table

PYTHON = Dialect(
    "python",
    table(
        {
            "Abs|abs_|fabs|absolute(x)": "abs(x)",
            "Sign(x)": "sign(x)",
            "Log|ln(x)": "log(x)",
            "Inv|inv|inverse(x)": "1 / x",
            "S_log1p|s_log1p|slog1p(x)": "sign(x) * log1p(abs(x))",
            "log10(x)": "log(x) / 2.302585092994046",
            "square(x)": "x * x",
            "negative(x)": "-x",
            "ceil(x)": "-floor(-x)",
            "rint|round_(x)": "round(x)",
            "signed_power(x, y)": "signedpower(x, y)",
            "clip(x, lower, upper)": "minimum(maximum(x, lower), upper)",
            "max|max_|maximum|Greater(*x)": "maximum(x, y)",
            "min|min_|minimum|Less(*x)": "minimum(x, y)",
            "where|if_else(c, x, y)": "where(c, x, y)",
            "Add|add(x, y)": "x + y",
            "Sub|subtract(x, y)": "x - y",
            "Mul|multiply(x, y)": "x * y",
            "Div|divide(x, y)": "x / y",
            "Pow(x, y)": "x ^ y",
            "CSRank(x)": "rank(x) - 1 / cs_count(x)",
            "cs_rank(x)": "rank(x)",
            "cs_zscore(x)": "zscore(x)",
            "cs_demean(x)": "demean(x)",
            "cs_scale(x, a=1)": "scale(x, a)",
            "Ref|shift|ts_delay|ts_shift(x, d)": "delay(x, d)",
            "diff|ts_delta|ts_diff(x, d=1)": "delta(x, d)",
            "pct_change|ts_pctchange|ts_returns(x, d=1)": "x / delay(x, d) - 1",
            "ts_div(x, d)": "x / delay(x, d)",
            "ts_med(x, d)": lower_median,
            "ts_ir(x, d)": "ts_mean(x, d) / stddev(x, d)",
            "ts_min_max_diff|ts_range(x, d)": "ts_max(x, d) - ts_min(x, d)",
            "ts_max_diff(x, d)": "x - ts_max(x, d)",
            "ts_min_diff(x, d)": "x - ts_min(x, d)",
            "ts_zscore(x, d)": "(x - ts_mean(x, d)) / stddev(x, d)",
            "ts_scale(x, d)": "(x - ts_min(x, d)) / (ts_max(x, d) - ts_min(x, d))",
            "ts_av_diff(x, d)": "x - ts_mean(x, d)",
            "ts_wma(x, d)": "decay_linear(x, d - 1)",
            "ts_ema(x, d)": fading,
            "ts_WMA|ts_decay_linear|decay(x, d)": "decay_linear(x, d)",
            "ts_SMA_CN(x, d, m)": recursive,
            "ts_cov|ts_covariance(x, y, d)": "covariance(x, y, d)",
            "ts_corr(x, y, d)": "correlation(x, y, d)",
            "ts_std_dev|ts_stddev(x, d)": "stddev(x, d)",
            "ts_prod|ts_product(x, d)": "product(x, d)",
            "ts_arg_max(x, d)": "d - ts_argmax(x, d)",
            "ts_arg_min(x, d)": "d - ts_argmin(x, d)",
        }
    ),
    names={"ret": "returns", "open_": "open", "nan": "0 / 0"},
    cased=True,
)
