"""The properties of a cost model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.checks.inputs import Inputs
from engine.checks.odd import make_odd
from engine.checks.panels import small_panel
from engine.checks.probe import Probe
from engine.checks.same import Result, Results, where
from engine.checks.verdict import Broken, Check
from engine.core.kinds import Cost, overrides
from engine.core.panel import FloatArray, Panel


def cost_checks(plugin: Cost, panel: Panel | None = None) -> list[Check]:
    """Return the checks of a cost model."""
    panel = small_panel() if panel is None else panel
    probe = Probe(plugin, _dress(panel), _ask, make_odd(panel, _dress), lag=1)
    return [
        *probe.checks(),
        ("components", lambda: _check_components(probe)),
        ("rates", lambda: _check_rates(probe)),
    ]


def _ask(plugin: Cost, inputs: Inputs) -> Results:
    """What is charged, as ``method component part``, and the largest order."""
    results = {**_trading(plugin, inputs), **_holding(plugin, inputs)}
    most = plugin.max_order(inputs.panel)
    if most is not None:
        results["max_order"] = Result(most, inputs.panel.symbols, "max_order()", unbounded=True)
    return results


def _trading(plugin: Cost, inputs: Inputs) -> Results:
    panel, results = inputs.panel, {}
    if not overrides(plugin, "terms", before="trading"):
        for name, rate in plugin.trading(panel, inputs.arrays["orders"]).items():
            results[f"trading {name}"] = Result(rate, panel.symbols, f"trading()[{name!r}]")
        return results
    for name, terms in plugin.terms(panel).items():
        for part in ("fixed", "coefficient"):
            value, who = _spread(getattr(terms, part), panel.shape), f"terms()[{name!r}].{part}"
            results[f"terms {name} {part}"] = Result(value, panel.symbols, who)
    return results


def _holding(plugin: Cost, inputs: Inputs) -> Results:
    panel, results = inputs.panel, {}
    if not overrides(plugin, "holding", before="carry"):
        for name, paid in plugin.carry(inputs.arrays["weights"], inputs.arrays["days"]).items():
            results[f"carry {name}"] = Result(paid, None, f"carry()[{name!r}]")
        return results
    for name, holding in plugin.holding(panel).items():
        for part in ("long", "short", "cash"):
            rate = getattr(holding, part)
            shape, columns = (
                (panel.shape, panel.symbols) if part != "cash" else (panel.shape[:1], None)
            )
            if rate is not None:
                who = f"holding()[{name!r}].{part}"
                results[f"holding {name} {part}"] = Result(_spread(rate, shape), columns, who)
    return results


def _spread(value: FloatArray | float, shape: tuple[int, ...]) -> FloatArray:
    """A number as an array; an array as it is."""
    return np.full(shape, float(value)) if np.ndim(value) == 0 else value  # type: ignore[return-value]


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
    methods: dict[str, set[str]] = {}
    for name in names:
        method, component = name.split(" ")[:2]
        methods.setdefault(component, set()).add(method)
    twice = sorted(component for component, by in methods.items() if len(by) > 1)
    if twice:
        first, second = sorted(methods[twice[0]], reverse=True)
        raise Broken(f"{first} and {second} both have a component {twice[0]!r}: rename one")
    empty = _idle(probe.inputs)
    other = [name for name in probe.again(empty) if name != "max_order"]
    if other != names:
        raise Broken(f"has the components {names} with orders and {other} without")


def _check_rates(probe: Probe) -> None:
    """Rates of trading are finite and >= 0, also of no order; caps are >= 0; the rest is finite."""
    dates = probe.inputs.panel.dates
    for results in (probe.result, probe.again(_idle(probe.inputs))):
        for name, result in results.items():
            array, held = result.array, name.split(" ")[0] in {"carry", "holding"}
            found = np.argwhere(np.isnan(array) if held else ~(array >= 0.0))
            if len(found):
                place = tuple(int(i) for i in found[0])
                at = where(place, dates, result.columns)
                need = "finite" if held else ">= 0"
                raise Broken(f"{result.who}on {at} is {float(array[place])}, not {need}")
    if overrides(probe.plugin, "terms", before="trading"):
        for name, terms in probe.plugin.terms(probe.inputs.panel).items():
            if not (np.isfinite(terms.exponent) and terms.exponent > 0.0):
                raise Broken(f"terms()[{name!r}].exponent is {terms.exponent}, not above 0")


def _idle(inputs: Inputs) -> Inputs:
    """The inputs without any order."""
    return replace(inputs, arrays={**inputs.arrays, "orders": np.zeros(inputs.panel.shape)})
