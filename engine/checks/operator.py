"""The properties of an operator of the formula language."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.checks.inputs import Inputs
from engine.checks.odd import make_odd
from engine.checks.panels import small_panel
from engine.checks.probe import Probe
from engine.checks.same import SUMS, Result, Results, check_same, first_difference, where
from engine.checks.verdict import Broken, Check, watch
from engine.core.groups import labels_at, number_labels
from engine.core.kinds import Operator
from engine.core.panel import FloatArray, Panel

DAYS = 60
WINDOWS = (1, 2, 5, 20)
NUMBER = 0.5  # a quantile, a power and a multiple alike
ENOUGH = 1e-6  # of a row's largest value: a running sum may keep this much of what has gone
TINY = 1e-12  # absolute: what is left of a difference of equal numbers
REACHES = ("none", "window", "shift", "all")


def operator_checks(plugin: Operator) -> list[Check]:
    """Return the checks of an operator."""
    panel = small_panel(days=DAYS, symbols=8)
    probe = Probe(plugin, Inputs(panel), _ask, make_odd(panel, Inputs))
    return [
        ("signature", lambda: _check_signature(plugin)),
        *probe.checks(),
        ("slow twin", lambda: _check_twin(plugin)),
        ("reach", lambda: _check_reach(probe)),
        ("cross", lambda: _check_cross(probe)),
    ]


def _ask(plugin: Operator, inputs: Inputs) -> Results:
    panel = inputs.panel
    arrays = [panel.returns, panel["close"], np.round(100.0 * panel.returns)]
    if plugin.cross:
        arrays = [np.where(panel.member, a, np.nan) for a in arrays]
    unknown = ("",) * len(panel.symbols)
    labels = number_labels(tuple(labels_at(panel.groups.get("sector", unknown), -1)))
    results = {}
    for d in _windows(plugin):
        array = _call(plugin.kernel, _arguments(plugin, arrays, d, labels))
        name = f"d={d}" if "d" in plugin.args else ""
        results[name] = Result(array, panel.symbols, name)
    return results


def _windows(plugin: Operator) -> tuple[int, ...]:
    return WINDOWS if "d" in plugin.args else (1,)


def _arguments(plugin: Operator, arrays: list[FloatArray], d: int, labels: Any) -> list[Any]:
    """One argument per letter; the arrays in turn, read-only as the engine's are."""
    made: list[Any] = []
    for letter in plugin.args:
        if letter == "x":
            count = sum(isinstance(a, np.ndarray) and a.ndim == 2 for a in made)
            array = np.array(arrays[count % len(arrays)], np.float64, order="C")
            array.flags.writeable = False
            made.append(array)
        else:
            made.append({"d": d, "n": NUMBER, "g": labels}[letter])
    return made


def _call(function: Any, arguments: list[Any]) -> Any:
    """The result as the engine asks for it."""
    with np.errstate(all="ignore"):
        return function(*arguments)


def _check_signature(plugin: Operator) -> None:
    """The letters and the reach are known ones, and fit each other."""
    letters, reach = plugin.args, plugin.reach
    if not letters or set(letters) - set("xdng") or "x" not in letters:
        raise Broken(f"args={letters!r}: write one letter per argument, x, d, n or g, and an x")
    if letters.count("d") > 1 or letters.count("g") > 1:
        raise Broken(f"args={letters!r}: at most one d and one g")
    if reach not in REACHES:
        raise Broken(f"reach={reach!r}: choose from {', '.join(REACHES)}")
    if reach in ("window", "shift") and "d" not in letters:
        raise Broken(f"reach={reach!r} needs a window, and args={letters!r} has no d")


def _check_twin(plugin: Operator) -> None:
    """The kernel gives what the slow twin gives, on holes, ties, constants and few rows."""
    for name, x in _hard().items():
        arrays = [x, np.roll(np.where(np.isnan(x), 1.0, x), 1, axis=1), np.abs(x)]
        labels = np.arange(x.shape[1]) % 3
        for d in _windows(plugin):
            arguments = _arguments(plugin, arrays, d, labels)
            with watch():
                fast, slow = (_call(f, arguments) for f in (plugin.kernel, plugin.slow))
            if fast.shape != x.shape or slow.shape != x.shape:
                raise Broken(f"of shape {x.shape} kernel makes {fast.shape}, slow {slow.shape}")
            slow = np.where(np.abs(fast - slow) <= TINY, fast, slow)
            place = first_difference(fast, slow, SUMS)
            if place is not None:
                row, column = place
                raise Broken(
                    f"kernel gives {float(fast[place])} and slow {float(slow[place])} in row {row},"
                    f" column {column} of {name!r} ({', '.join(_constants(plugin, d))})"
                )


def _constants(plugin: Operator, d: int) -> list[str]:
    given = {"d": f"d={d}", "n": f"n={NUMBER}"}
    return [given[letter] for letter in plugin.args if letter in given] or ["no constants"]


def _hard() -> dict[str, FloatArray]:
    random = np.random.default_rng(5)
    normal = random.normal(size=(24, 6))
    holes = np.where(random.random(normal.shape) < 0.3, np.nan, normal)
    empty = holes.copy()
    empty[:, 2], empty[6:16] = np.nan, np.nan
    return {
        "prices": 100.0 * np.exp(np.cumsum(0.02 * normal, axis=0)),
        "holes": holes,
        "empty rows and columns": empty,
        "ties": np.round(holes),
        "constant": np.full((15, 6), 0.5),
        "few rows": normal[:3],
        "one symbol": holes[:, :1],
    }


def _check_reach(probe: Probe) -> None:
    """The rows that `reach` declares give the last row."""
    plugin, panel = probe.plugin, probe.inputs.panel
    for d in _windows(plugin):
        rows = {"none": 0, "window": d - 1, "shift": d, "all": None}[plugin.reach]
        if rows is None:
            return
        # from the arrays, not from a shorter panel: its first return is not known
        part = _ask_rows(plugin, panel, d, rows + 1)
        full = _ask_rows(plugin, panel, d, len(panel.dates))
        place = first_difference(full[-1:], part[-1:], ENOUGH)
        if place is not None:
            at = where((len(panel.dates) - 1, place[1]), panel.dates, panel.symbols)
            raise Broken(
                f"reach={plugin.reach!r} is too short: on {at} is {float(full[-1, place[1]])} from "
                f"all rows and {float(part[-1, place[1]])} from the last {rows + 1} "
                f"({', '.join(_constants(plugin, d))})"
            )


def _ask_rows(plugin: Operator, panel: Panel, d: int, rows: int) -> FloatArray:
    arrays = [a[-rows:] for a in (panel.returns, panel["close"], panel["volume"])]
    labels = np.arange(len(panel.symbols)) % 3
    with watch():
        array: FloatArray = _call(plugin.kernel, _arguments(plugin, arrays, d, labels))
    return array


def _check_cross(probe: Probe) -> None:
    """An operator that is not declared to work over symbols does not look at the others."""
    if probe.plugin.cross:
        return
    panel = probe.inputs.panel
    alone = replace(probe.inputs, panel=panel.take([0, 1, 2]))
    some = {
        name: Result(r.array[:, :3], panel.symbols[:3], r.inner) for name, r in probe.result.items()
    }
    text = "depends on other symbols, with cross=False: on {at} is {one}, and {two} with fewer"
    check_same(some, probe.again(alone), panel.dates, text, SUMS)
