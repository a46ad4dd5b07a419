"""The contracts of what score, forecasts and factors knew, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from engine.schemas._frames import dated_frame, each, known_together, listed_frame, number, rule
from engine.schemas._significance import significance
from engine.schemas.contract import Column, Contract

DAYS = (1, 5, 10, 20, 40, 60)  # of decay, after the entry


def ic_schema(names: Sequence[str]) -> Contract:
    """Return the contract of rank information coefficients by date.

    Parameters
    ----------
    names : sequence of str
        Score, forecasts and factors that were studied: one column each.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC), ascending and unique; the columns are
        float64 within -1 and 1, NaN on a date without a coefficient.
    """
    return dated_frame("ic", {name: _correlation() for name in names})


def coverage_schema(names: Sequence[str]) -> Contract:
    """Return the contract of the share of members with a bar that have a value, by date.

    Parameters
    ----------
    names : sequence of str
        As for `ic_schema`.

    Returns
    -------
    Contract
        Strict and without coercion: ``timestamp`` (UTC), ascending and unique; the columns are
        float64 within 0 and 1, all of them NaN on a date without a member that has a bar.
    """
    columns = list(names)

    def together(frame: pd.DataFrame) -> pd.Series[bool]:
        unknown = np.isnan([np.asarray(frame[name]) for name in columns])
        return each(frame, unknown.all(axis=0) | ~unknown.any(axis=0))

    rules = [rule("together", "all shares of a date are known, or none", together)]
    return dated_frame("coverage", {name: _share() for name in columns}, rules)


def decay_schema(names: Sequence[str]) -> Contract:
    """Return the contract of mean rank ICs by the days of the return that they look at.

    Parameters
    ----------
    names : sequence of str
        As for `ic_schema`.

    Returns
    -------
    Contract
        Strict and without coercion: ``name`` and ``days`` (int64: 1, 5, 10, 20, 40, 60), a row for
        each pair; ``rank_ic`` within -1 and 1, ``standard_error`` >= 0, float64; both are NaN
        with fewer than two dates.
    """
    rows = [(name, days) for days in DAYS for name in names]
    values = {"rank_ic": _correlation(), "standard_error": number(nullable=True, ge=0.0)}
    return listed_frame(
        "decay", ("name", "days"), rows, values, [known_together("rank_ic", "standard_error")]
    )


def breakdown_schema(names: Sequence[str], parts: Sequence[tuple[str, str]]) -> Contract:
    """Return the contract of mean rank ICs by sector, size, regime and year.

    Parameters
    ----------
    names : sequence of str
        As for `ic_schema`.
    parts : sequence of (str, str)
        By what, and which part.

    Returns
    -------
    Contract
        Strict and without coercion: ``name``, ``by`` and ``part``, a row each; ``rank_ic`` within
        -1 and 1, and the columns of `significance`.
    """
    rows = [(name, by, part) for name in names for by, part in parts]
    values, rules = significance("rank_ic", _correlation())
    return listed_frame("breakdown", ("name", "by", "part"), rows, values, rules)


def correlations_schema(names: Sequence[str]) -> Contract:
    """Return the contract of mean rank correlations between what was studied.

    Parameters
    ----------
    names : sequence of str
        As for `ic_schema`.

    Returns
    -------
    Contract
        Strict and without coercion: ``name`` and ``other``, a row for each pair, once;
        ``correlation`` within -1 and 1, float64, NaN where the two never met.
    """
    rows = list(combinations(names, 2))
    return listed_frame("correlations", ("name", "other"), rows, {"correlation": _correlation()})


def persistence_schema(names: Sequence[str]) -> Contract:
    """Return the contract of how long a ranking lasts.

    Parameters
    ----------
    names : sequence of str
        As for `ic_schema`.

    Returns
    -------
    Contract
        Strict and without coercion: ``name``, a row each; ``rank_autocorrelation_{1,20}d`` within
        -1 and 1; ``coverage``, ``top_new_{1,5,20}d`` and ``bottom_new_{1,5,20}d`` within 0 and 1.
        Numbers are float64, NaN where nothing can be said.
    """
    values = {
        **{f"rank_autocorrelation_{lag}d": _correlation() for lag in (1, 20)},
        "coverage": _share(),
        **{f"{end}_new_{lag}d": _share() for end in ("top", "bottom") for lag in (1, 5, 20)},
    }
    return listed_frame("persistence", ("name",), [(name,) for name in names], values)


def _correlation() -> Column:
    return number(nullable=True, within=(-1.0, 1.0))


def _share() -> Column:
    return number(nullable=True, within=(0.0, 1.0))
