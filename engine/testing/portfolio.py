"""The properties of a portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from engine.account import decide_all
from engine.checks import (
    Broken,
    Check,
    Inputs,
    Probe,
    Result,
    Results,
    make_odd,
    small_panel,
    where,
)
from engine.core.book import Book
from engine.core.kinds import Portfolio, overrides
from engine.core.panel import FloatArray, Panel

GROSS_LIMIT = 20.0  # of equity; more is a mistake of units
EXPOSURES = (1.0, 0.5, 1.2, 0.75)  # what the regime allows, for 17 rows each


def portfolio_checks(plugin: Portfolio, panel: Panel | None = None) -> list[Check]:
    """Return the checks of a portfolio."""
    panel = small_panel() if panel is None else panel
    probe = Probe(plugin, _dress(panel), _ask, make_odd(panel, _dress), may_refuse=True)
    return [
        *probe.checks(),
        ("permission", lambda: _check_permission(probe)),
        ("whole rows", lambda: _check_whole_rows(probe)),
        ("gross", lambda: _check_gross(probe)),
        ("exposure", lambda: _check_exposure(probe)),
    ]


def _ask(plugin: Portfolio, inputs: Inputs) -> Results:
    panel, signal, exposure = inputs.panel, inputs.arrays["signal"], inputs.arrays["exposure"]
    if panel.in_order:
        weights = decide_all(plugin, signal, panel, exposure)
    elif overrides(plugin, "decide"):
        weights = decide_all(_AsLaidOut(plugin, panel), signal, panel, exposure)
    else:
        weights = plugin.weights(signal, panel, exposure)
    return {"": Result(weights, panel.symbols)}


@dataclass(frozen=True, eq=False)
class _AsLaidOut(Portfolio):
    """Asks a portfolio with the symbols in a panel's order; the account has them in theirs."""

    name: ClassVar[str] = "as_laid_out"
    portfolio: Portfolio
    panel: Panel

    def decide(self, score: FloatArray, book: Book) -> FloatArray | None:
        there = self.panel.places
        shown = Book(
            row=book.row,
            held=book.held[there],
            equity=book.equity,
            cash=book.cash,
            waiting=book.waiting[there],
            score=score[there],
            exposure=book.exposure,
            notes=book.notes,
            memory=book.memory,
            data=self.panel,
        )
        targets = self.portfolio.decide(score[there], shown)
        return None if targets is None else targets[np.argsort(there)]

    def complaint(self, memory: Mapping[str, FloatArray | float]) -> str:
        return self.portfolio.complaint(memory)


def _dress(panel: Panel) -> Inputs:
    """A slowly moving signal where it may be held, and an exposure that changes."""
    T, N = panel.shape
    noise = np.random.default_rng(3).standard_normal((T, N))
    signal = noise.copy()
    for t in range(1, T):
        signal[t] = 0.95 * signal[t - 1] + 0.3 * noise[t]
    signal[~(panel.present & panel.member)] = np.nan
    exposure = np.array(EXPOSURES)[np.arange(T) // 17 % len(EXPOSURES)]
    return Inputs(panel, {"signal": signal, "exposure": exposure}, frozenset({"signal"}))


def _weights(probe: Probe) -> FloatArray:
    array: FloatArray = probe.result[""].array
    return array


def _check_permission(probe: Probe) -> None:
    """A symbol without a signal (no member, or no bar) is not bought anew; it may be sold off."""
    weights, panel = _weights(probe), probe.inputs.panel
    held = _find_last_orders(weights)
    ordered = np.isfinite(weights) & (weights != 0.0) & (held * weights <= 0.0)
    found = np.argwhere(np.isnan(probe.inputs.arrays["signal"]) & ordered)
    if len(found):
        row, column = (int(i) for i in found[0])
        at = where((row, column), panel.dates, panel.symbols)
        raise Broken(f"on {at} has no signal and is ordered to {weights[row, column]}: order 0")


def _check_whole_rows(probe: Probe) -> None:
    """A row that decides also decides on what is held and has left the universe.

    What is held without a bar cannot be traded, and without a signal it cannot be judged: a
    member may keep it.
    """
    weights, panel = _weights(probe), probe.inputs.panel
    held, decides = _find_last_orders(weights), np.isfinite(weights).any(axis=1, keepdims=True)
    found = np.argwhere(decides & np.isnan(weights) & ~panel.member & (held != 0.0))
    if len(found):
        row, column = (int(i) for i in found[0])
        at = where((row, column), panel.dates, panel.symbols)
        raise Broken(
            f"decides on others, not on what must go: on {at} is in the universe no more and "
            f"keeps its weight of {held[row, column]}: order 0"
        )


def _find_last_orders(weights: FloatArray) -> FloatArray:
    """The last order of each symbol before each row, shape (T, N); 0 before the first."""
    held = np.zeros(weights.shape)
    for row in range(1, len(weights)):
        held[row] = np.where(np.isfinite(weights[row - 1]), weights[row - 1], held[row - 1])
    return held


def _check_gross(probe: Probe) -> None:
    """Long plus short stays below a bound that only a mistake of units passes."""
    gross = np.nansum(np.abs(_weights(probe)), axis=1)
    row = int(np.argmax(gross))
    if gross[row] > GROSS_LIMIT:
        raise Broken(
            f"on {probe.inputs.panel.dates[row]:%Y-%m-%d} long and short sum to {gross[row]:g} of "
            "equity: weights are fractions, 0.1 is 10%"
        )


def _check_exposure(probe: Probe) -> None:
    """An exposure of 0 allows nothing."""
    inputs = probe.inputs
    none = {**inputs.arrays, "exposure": np.zeros(inputs.rows)}
    weights = probe.again(replace(inputs, arrays=none))[""].array
    held = np.argwhere(np.isfinite(weights) & (weights != 0.0))
    if len(held):
        row, column = (int(i) for i in held[0])
        at = where((row, column), inputs.panel.dates, inputs.panel.symbols)
        raise Broken(f"on {at} is ordered to {weights[row, column]} at an exposure of 0")
