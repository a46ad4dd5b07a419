"""The numbers of the tear sheet: what the report draws beside the metrics.

history      the returns over time, which the report reads off ``returns.parquet``
holdings     what the account held
capacity     how large an account could have done the same
knowledge    what the factors know, and for how long
quantiles    what their quantiles earned, and who came and went
calibration  what followed the forecasts

All but the first become tables in the run folder. Everything here is a statistic about the past.
Nothing in it may feed a decision.
"""

from __future__ import annotations

from engine.study.calibration import calibration_tables
from engine.study.capacity import capacity_table
from engine.study.history import WINDOW, monthly, rolling, tail, yearly
from engine.study.holdings import BETA_WINDOW, positions
from engine.study.ic import MeanTest, newey_west_t, overlap_lags, rank_ic
from engine.study.knowledge import HORIZONS, LAGS, knowledge_tables, ranked
from engine.study.market import benchmark
from engine.study.metrics import NO_REGIME, collect, study, tables
from engine.study.quantiles import COLUMNS, NEWCOMER_LAGS, by_regime
from engine.study.returns import growth, performance, until_ruin
from engine.study.too_good import LOOK, TooGood, too_good_line

__all__ = [
    "BETA_WINDOW",
    "COLUMNS",
    "HORIZONS",
    "LAGS",
    "LOOK",
    "NEWCOMER_LAGS",
    "NO_REGIME",
    "WINDOW",
    "MeanTest",
    "TooGood",
    "benchmark",
    "by_regime",
    "calibration_tables",
    "capacity_table",
    "collect",
    "growth",
    "knowledge_tables",
    "monthly",
    "newey_west_t",
    "overlap_lags",
    "performance",
    "positions",
    "rank_ic",
    "ranked",
    "rolling",
    "study",
    "tables",
    "tail",
    "too_good_line",
    "until_ruin",
    "yearly",
]
