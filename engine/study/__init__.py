"""The numbers of the tear sheet: what the report draws beside the metrics.

history      the returns over time, which the report reads off ``returns.parquet``
holdings     what the account held
capacity     how large an account could have done the same
knowledge    what the factors know, and for how long
quantiles    what their quantiles earned, and who came and went
calibration  what followed the forecasts

What a result is worth after a search, of which nothing is in a run folder:

deflation    Sharpe ratios, judged by how many trials there were
haircut      Sharpe ratios, cut by the p-values of all trials
clusters     how many trials are independent
overfitting  what became of the best in sample
superiority  which trials are better than a benchmark, and which than the others

All of the first but the history become tables in the run folder. Everything here is a statistic
about the past. Nothing in it may feed a decision.
"""

from __future__ import annotations

from engine.study.clusters import Independence, count_independent
from engine.study.deflation import (
    Track,
    deflate,
    expect_best,
    judge_search,
    judge_sharpe,
    measure_minimum,
)
from engine.study.haircut import Haircut, cut_sharpe
from engine.study.history import WINDOW, monthly, rolling, tail, yearly
from engine.study.holdings import BETA_WINDOW
from engine.study.ic import (
    Correlations,
    MeanTest,
    RankedOutcome,
    correlate,
    newey_west_t,
    overlap_lags,
    rank_ic,
)
from engine.study.knowledge import HORIZONS, LAGS
from engine.study.market import benchmark
from engine.study.metrics import NO_REGIME, collect, summarize
from engine.study.overfitting import Overfitting, find_overfitting
from engine.study.quantiles import COLUMNS, NEWCOMER_LAGS
from engine.study.regimes import find_likeliest
from engine.study.returns import growth, performance, until_ruin
from engine.study.statistics import OF_ACCOUNT, OF_SIGNAL, Evidence, Holding, Statistic, work_out
from engine.study.superiority import Superiority, compare_trials
from engine.study.too_good import LOOK, TooGood, too_good_line

__all__ = [
    "BETA_WINDOW",
    "COLUMNS",
    "HORIZONS",
    "LAGS",
    "LOOK",
    "NEWCOMER_LAGS",
    "NO_REGIME",
    "OF_ACCOUNT",
    "OF_SIGNAL",
    "WINDOW",
    "Correlations",
    "Evidence",
    "Haircut",
    "Holding",
    "Independence",
    "MeanTest",
    "Overfitting",
    "RankedOutcome",
    "Statistic",
    "Superiority",
    "TooGood",
    "Track",
    "benchmark",
    "collect",
    "compare_trials",
    "correlate",
    "count_independent",
    "cut_sharpe",
    "deflate",
    "expect_best",
    "find_likeliest",
    "find_overfitting",
    "growth",
    "judge_search",
    "judge_sharpe",
    "measure_minimum",
    "monthly",
    "newey_west_t",
    "overlap_lags",
    "performance",
    "rank_ic",
    "rolling",
    "summarize",
    "tail",
    "too_good_line",
    "until_ruin",
    "work_out",
    "yearly",
]
