"""The contracts of what the quantiles of score, forecasts and factors earned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from engine.schemas._frames import (
    ROUNDING,
    count,
    each,
    following,
    known_together,
    listed_frame,
    moment,
    number,
    rule,
    strict_frame,
    ticks,
)
from engine.schemas._significance import significance
from engine.schemas.contract import Check, Column, Contract

COUNT = 5
DECILES = 10
COLUMNS = [f"q{number}" for number in range(1, COUNT + 1)]


def quantiles_schema(names: Sequence[str]) -> Contract:
    """Return the contract of each quantile's mean outcome.

    Parameters
    ----------
    names : sequence of str
        Score, forecasts and factors that were studied.

    Returns
    -------
    Contract
        Strict and without coercion: ``name`` and ``quantile`` (int64, 1 is lowest, to 5), a row
        for each pair; ``mean``, and ``standard_error`` >= 0, float64 and without infinities; both
        are NaN with fewer than two dates.
    """
    rows = list(product(names, range(1, COUNT + 1)))
    return listed_frame("quantiles", ("name", "quantile"), rows, _mean(), [_require_both()])


def regime_quantiles_schema(names: Sequence[str], states: Sequence[str]) -> Contract:
    """Return the contract of each quantile's mean outcome, by regime.

    Parameters
    ----------
    names : sequence of str
        As for `quantiles_schema`.
    states : sequence of str
        Of the regime.

    Returns
    -------
    Contract
        As for `quantiles_schema`, with ``regime`` between ``name`` and ``quantile``, and ``dates``
        (int64, >= 0), which are two or more where the mean is known, and only there.
    """
    rows = list(product(names, states, range(1, COUNT + 1)))
    enough = rule("dates", "a mean has two dates", lambda f: f["mean"].notna() == (f["dates"] > 1))
    return listed_frame(
        "regime_quantiles",
        ("name", "regime", "quantile"),
        rows,
        {**_mean(), "dates": count()},
        [_require_both(), enough],
    )


def deciles_schema(names: Sequence[str]) -> Contract:
    """Return the contract of the highest tenth's mean outcome less the lowest's.

    Parameters
    ----------
    names : sequence of str
        As for `quantiles_schema`.

    Returns
    -------
    Contract
        Strict and without coercion: ``name``, a row each; ``buckets`` (int64, 2 to 10);
        ``spread``, and the columns of `significance`.
    """
    values, rules = significance("spread", number(nullable=True))
    few = rule("few", "2 to 10 buckets", lambda f: (f["buckets"] >= 2) & (f["buckets"] <= DECILES))
    columns = {"buckets": count(), **values}
    return listed_frame("deciles", ("name",), [(name,) for name in names], columns, [*rules, few])


def signal_turnover_schema(names: Sequence[str]) -> Contract:
    """Return the contract of how much of a ranking is new, date by date.

    Parameters
    ----------
    names : sequence of str
        The score, and the forecasts.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC, ascending) and ``name``, a row each for
        every date; ``rank_turnover`` within 0 and 2, ``top_new`` and ``bottom_new`` within 0 and
        1; float64, NaN where there is no ranking, then or now.
    """
    shares = {end: number(nullable=True, within=(0.0, 1.0)) for end in ("top_new", "bottom_new")}
    columns = {
        "timestamp": moment(),
        "name": Column("str"),
        "rank_turnover": number(nullable=True, within=(0.0, 2.0)),
        **shares,
    }
    listed = list(names)
    rows = rule("rows", "one row per date and name, in their order", lambda f: _daily(f, listed))
    return strict_frame("signal_turnover", columns, [rows])


def quantile_returns_schema(names: Sequence[str]) -> Contract:
    """Return the contract of each quantile's return, day by day.

    Parameters
    ----------
    names : sequence of str
        As for `quantiles_schema`.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC, ascending) and ``name``, a row each for
        every date; ``q1`` (lowest values) to ``q5``, NaN where a quantile is empty, and ``all``,
        between the lowest and the highest of them, NaN where they all are. Numbers are float64 and
        without infinities.
    """
    columns = {
        "timestamp": moment(),
        "name": Column("str"),
        **{name: number(nullable=True) for name in [*COLUMNS, "all"]},
    }
    listed = list(names)
    rules = [
        rule("rows", "one row per date and name, in their order", lambda f: _daily(f, listed)),
        rule("between", "all is between the quantiles", _is_between),
    ]
    return strict_frame("quantile_returns", columns, rules)


def _mean() -> dict[str, Column]:
    return {"mean": number(nullable=True), "standard_error": number(nullable=True, ge=0.0)}


def _require_both() -> Check:
    return known_together("mean", "standard_error")


def _daily(frame: pd.DataFrame, names: list[str]) -> pd.Series[bool] | bool:
    """Whether each row has its name, and each date all of them."""
    if not names or len(frame) % len(names):
        return False
    at = np.arange(len(frame)) % len(names)
    stamp = ticks(frame["timestamp"])
    named = np.asarray(frame["name"], object) == np.array(names, object)[at]
    step = stamp[1:] - stamp[:-1]
    dated = np.where(at[1:] == 0, step > 0, step == 0)
    return each(frame, named) & following(frame, dated)


def _is_between(frame: pd.DataFrame) -> pd.Series[bool]:
    quantiles, mean = [np.asarray(frame[name]) for name in COLUMNS], np.asarray(frame["all"])
    low, high = np.fmin.reduce(quantiles), np.fmax.reduce(quantiles)
    room = ROUNDING * np.maximum(np.abs(low), np.abs(high))
    inside = (mean >= low - room) & (mean <= high + room)
    return each(frame, inside | (np.isnan(low) & np.isnan(mean)))
