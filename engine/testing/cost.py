"""The properties of a cost model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.kinds import Cost
from engine.panel import Panel
from engine.testing.inputs import Inputs
from engine.testing.odd import odd_inputs
from engine.testing.panels import small_panel
from engine.testing.probe import Probe
from engine.testing.same import Result, Results, where
from engine.testing.verdict import Broken, Check


def cost_checks(plugin: Cost, panel: Panel | None = None) -> list[Check]:
    """Return the checks of a cost model."""
    panel = small_panel() if panel is None else panel
    probe = Probe(plugin, _dress(panel), _ask, odd_inputs(panel, _dress), lag=1)
    return [
        *probe.checks(),
        ("components", lambda: _check_components(probe)),
        ("rates", lambda: _check_rates(probe)),
    ]


def _ask(plugin: Cost, inputs: Inputs) -> Results:
    panel, arrays = inputs.panel, inputs.arrays
    results: Results = {}
    for name, rate in plugin.trading(panel, arrays["orders"]).items():
        results[f"trading {name}"] = Result(rate, panel.symbols, f"trading()[{name!r}]")
    for name, paid in plugin.carry(arrays["weights"], arrays["days"]).items():
        results[f"carry {name}"] = Result(paid, None, f"carry()[{name!r}]")
    most = plugin.max_order(panel)
    if most is not None:
        results["max_order"] = Result(most, panel.symbols, "max_order()", unbounded=True)
    return results


def _dress(panel: Panel) -> Inputs:
    """Orders where there is a bar, weights of both signs, calendar days between the dates."""
    random = np.random.default_rng(4)
    wanted = random.random(panel.shape) < 0.3
    orders = np.where(wanted & panel.present, random.lognormal(10.0, 2.0, panel.shape), 0.0)
    weights = np.where(panel.present, random.normal(0.1, 0.2, panel.shape), 0.0)
    days = np.zeros(len(panel.dates))
    days[1:] = np.diff(panel.dates.to_numpy()) / np.timedelta64(1, "D")
    return Inputs(panel, {"orders": orders, "weights": weights, "days": days})


def _check_components(probe: Probe) -> None:
    """Names of components are unique and do not depend on the data."""
    names = [name for name in probe.result if name != "max_order"]
    bare = [name.split(" ", 1)[1] for name in names]
    twice = sorted({name for name in bare if bare.count(name) > 1})
    if twice:
        raise Broken(f"trading and carry both have a component {twice[0]!r}: rename one")
    empty = _idle(probe.inputs)
    other = [name for name in probe.again(empty) if name != "max_order"]
    if other != names:
        raise Broken(f"has the components {names} with orders and {other} without")


def _check_rates(probe: Probe) -> None:
    """Rates of trading are finite and >= 0, also of no order; caps are >= 0; carry is finite."""
    dates = probe.inputs.panel.dates
    for results in (probe.result, probe.again(_idle(probe.inputs))):
        for name, result in results.items():
            array = result.array
            bad = np.isnan(array) if name.startswith("carry ") else ~(array >= 0.0)
            found = np.argwhere(bad)
            if len(found):
                place = tuple(int(i) for i in found[0])
                at = where(place, dates, result.columns)
                need = "finite" if name.startswith("carry ") else ">= 0"
                raise Broken(f"{result.who}on {at} is {float(array[place])}, not {need}")


def _idle(inputs: Inputs) -> Inputs:
    """The inputs without any order."""
    return replace(inputs, arrays={**inputs.arrays, "orders": np.zeros(inputs.panel.shape)})
