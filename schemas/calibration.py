"""The contracts of whether a forecast of so much was followed by so much."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pandas as pd

from engine.schemas._frames import count, known_together, listed_frame, number, rule
from engine.schemas.contract import Contract

BINS = 10


def calibration_schema(names: Sequence[str]) -> Contract:
    """Return the contract of mean forecast and mean outcome, by decile of the forecasts.

    Parameters
    ----------
    names : sequence of str
        Of the forecasts; none without a model.

    Returns
    -------
    Contract
        Strict and without coercion: ``name`` and ``bin`` (int64, 1 is lowest, to 10), a row for
        each pair; ``forecast``, ``realised`` and ``standard_error`` >= 0 of the latter, float64 and
        without infinities. The latter two are NaN with fewer than two dates; where they are known,
        so is the forecast. Without a model the table is empty, and its columns have no type.
    """
    values = {
        "forecast": number(nullable=True),
        "realised": number(nullable=True),
        "standard_error": number(nullable=True, ge=0.0),
    }
    rules = [
        known_together("realised", "standard_error"),
        rule("told", "an outcome has its forecast", _has_forecast),
    ]
    rows = list(product(names, range(1, BINS + 1)))
    return listed_frame("calibration", ("name", "bin"), rows, values, rules)


def slopes_schema(names: Sequence[str]) -> Contract:
    """Return the contract of the slopes of outcomes on forecasts.

    Parameters
    ----------
    names : sequence of str
        As for `calibration_schema`.

    Returns
    -------
    Contract
        Strict and without coercion: ``name``, a row each; ``slope``, and ``standard_error`` >= 0,
        float64 and without infinities; ``dates`` (int64, >= 0). The slope is known with one date
        or more, its error with two or more. Empty, and without types, where there is no model.
    """
    values = {
        "slope": number(nullable=True),
        "standard_error": number(nullable=True, ge=0.0),
        "dates": count(),
    }
    rules = [
        rule("slope", "a slope has a date", lambda f: f["slope"].notna() == (f["dates"] > 0)),
        rule(
            "error",
            "a standard error has two dates",
            lambda f: f["standard_error"].notna() == (f["dates"] > 1),
        ),
    ]
    return listed_frame("slopes", ("name",), [(name,) for name in names], values, rules)


def _has_forecast(frame: pd.DataFrame) -> pd.Series[bool]:
    return frame["forecast"].notna() | frame["realised"].isna()
