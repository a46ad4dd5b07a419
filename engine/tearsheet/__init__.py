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
