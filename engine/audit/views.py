"""What of each stage's result is compared: arrays by name, a row a date.

Where a symbol has no bar its factors, forecast and score are not compared: a stage that is read
back from its files has none there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.account import Account
from engine.core.groups import Dated
from engine.core.panel import FloatArray, Panel
from engine.forecasts import Forecasts
from engine.pipeline import Bars, Remade


@dataclass(frozen=True, eq=False)
class View:
    """An array of a result.

    Parameters
    ----------
    values : array, shape (T,) or (T, K)
        Numbers, or labels.
    columns : tuple of str, length K, optional
        What the second axis is.
    given : bool
        Whether it is what was changed, and no result: prices under a split.
    """

    values: Any
    columns: tuple[str, ...] | None = None
    given: bool = False


Views = Mapping[str, Callable[[], View]]


def list_views(stage: str, made: Remade) -> Views:
    """Return what is compared of a stage, by name; each is made when it is asked for."""
    result, panel = made[stage], made["bars"].panel
    if stage not in VIEWS:
        return {}
    return VIEWS[stage](result, panel, made)


def _bars(result: Bars, panel: Panel, made: Remade) -> Views:
    views = {name: _wide(array, panel, given=True) for name, array in panel.fields.items()}
    views |= {name: _flat(array) for name, array in panel.series.items()}
    views |= {name: _labels(name, panel) for name in panel.groups}
    views["members"] = _wide(panel.member, panel)
    views["full rows"] = _flat(panel.full)
    views["rows a year"] = _flat(np.full(len(panel.dates), panel.periods_per_year))
    return views


def _labels(name: str, panel: Panel) -> Callable[[], View]:
    """Labels from a symbol's first bar on: one that never changes is stated before that, too."""

    def spread() -> View:
        group = panel.groups[name]
        if isinstance(group, Dated):
            labels = np.array(group.names, str)[group.codes]
        else:
            labels = np.broadcast_to(np.array(group, str), panel.shape)
        listed = np.maximum.accumulate(panel.present, axis=0)
        return View(np.where(listed, labels, ""), panel.symbols)

    return spread


def _factors(result: Mapping[str, FloatArray], panel: Panel, made: Remade) -> Views:
    return {name: _on_bars(result, name, panel) for name in result}


def _seasoning(result: Any, panel: Panel, made: Remade) -> Views:
    return {name: _on_bars(result.values, name, panel) for name in result.values}


def _regimes(result: FloatArray, panel: Panel, made: Remade) -> Views:
    states = tuple(made.settings.regime.states)
    return {"probabilities": lambda: View(result, states)}


def _forecasts(result: Forecasts, panel: Panel, made: Remade) -> Views:
    values = {result.name: result.values}
    return {result.name: _on_bars(values, result.name, panel), "training": _flat(result.split)}


def _signal(result: FloatArray, panel: Panel, made: Remade) -> Views:
    return {"mf_score": _on_bars({"mf_score": result}, "mf_score", panel)}


def _account(result: Account, panel: Panel, made: Remade) -> Views:
    costs = {f"cost_{name}": _flat(paid) for name, paid in result.costs.items()}
    return {
        "targets": _wide(result.targets, panel),
        "weights": _wide(result.realised, panel),
        "traded": _wide(result.traded, panel),
        "net return": _flat(result.net),
        "gross return": _flat(result.gross),
        "interest": _flat(result.interest),
        "lost on delistings": _flat(result.delisting),
        **costs,
    }


def _wide(values: Any, panel: Panel, given: bool = False) -> Callable[[], View]:
    return lambda: View(values, panel.symbols, given)


def _on_bars(columns: Mapping[str, Any], name: str, panel: Panel) -> Callable[[], View]:
    """One of some columns, where there is a bar."""
    return lambda: View(np.where(panel.present, columns[name], np.nan), panel.symbols)


def _flat(values: Any) -> Callable[[], View]:
    return lambda: View(values)


VIEWS: Mapping[str, Callable[[Any, Panel, Remade], Views]] = {
    "bars": _bars,
    "factors": _factors,
    "seasoning": _seasoning,
    "regimes": _regimes,
    "forecasts": _forecasts,
    "signal": _signal,
    "account": _account,
}
