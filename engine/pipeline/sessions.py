"""Bars below a day: which settings count rows where they speak of days."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from engine.bars import DAILY, rows_a_session
from engine.core.panel import Panel

if TYPE_CHECKING:
    from engine.pipeline.settings import Settings

UNIT = "trading days"


def describe(settings: Settings, panel: Panel) -> tuple[str, ...]:
    """Return one line for bars below a day: what counts their rows; none for daily bars.

    Annualising is right all the same (`engine.core.periods`), and what goes by the calendar, such
    as monthly decisions, borrow and interest, goes by it.
    """
    row, column = np.nonzero(panel.present)
    rows = rows_a_session(panel.dates, row, column)
    if rows <= DAILY:
        return ()
    listed = ", ".join(f"{key}={value:g}" for key, value in _counts(settings))
    return (
        f"bars below a day, {rows:.3g} a session: these count rows, not days: {listed}, and every "
        "window of a formula",
    )


def _counts(settings: Settings) -> Iterator[tuple[str, float]]:
    """Every setting that is a number of trading days, with its key."""
    for room in ("label", "portfolio", "costs", "regime", *_of_model(settings)):
        part = getattr(settings, room)
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if field.metadata.get("unit") == UNIT and value:
                yield f"{room}.{field.name}", value
    yield "delisting.after", settings.delisting.after
    if settings.universe.top_n is not None:
        yield "universe.top_window", settings.universe.top_window


def _of_model(settings: Settings) -> tuple[str, ...]:
    return ("validation",) if settings.needs_model else ()
