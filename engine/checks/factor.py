"""The properties of a factor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.checks.inputs import Inputs
from engine.checks.odd import make_odd
from engine.checks.panels import small_panel
from engine.checks.probe import Probe
from engine.checks.same import Result, Results, first_difference, where
from engine.checks.verdict import Broken, Check
from engine.core.kinds import Factor
from engine.core.panel import Panel

DAYS = 320  # a year of rows and some more
ENOUGH = 1e-6  # of a row's largest value: a running sum may keep this much of what has gone


def factor_checks(plugin: Factor, panel: Panel | None = None) -> list[Check]:
    """Return the checks of a factor; `panel` is for factors that read more than bars."""
    if panel is None:
        panel = small_panel(days=max(DAYS, (plugin.lookback or 0) + 60))
    probe = Probe(plugin, Inputs(panel), _ask, make_odd(panel, Inputs))
    return [
        *probe.checks(),
        ("no bars, no value", lambda: _check_ghost(probe)),
        ("lookback", lambda: _check_lookback(probe)),
    ]


def _ask(plugin: Factor, inputs: Inputs) -> Results:
    return {"": Result(plugin.compute(inputs.panel), inputs.panel.symbols)}


def _check_ghost(probe: Probe) -> None:
    """A symbol that never had a bar has no value."""
    inputs = probe.odd["a symbol without bars"]
    array = probe.again(inputs)[""].array
    known = np.flatnonzero(np.isfinite(array[:, -1]))
    if len(known):
        row = int(known[0])
        at = where((row, len(inputs.panel.symbols) - 1), inputs.panel.dates, inputs.panel.symbols)
        raise Broken(f"knows a symbol without any bar: on {at} is {array[row, -1]}")


def _check_lookback(probe: Probe) -> None:
    """The last lookback + 1 rows give the last row."""
    rows = probe.plugin.lookback
    if rows is None:
        return
    if not isinstance(rows, int) or rows < 0:
        raise Broken(f"lookback={rows!r}: return a number of rows >= 0, or None for all of them")
    panel = probe.inputs.panel
    base = probe.result[""].array
    for row in sorted({len(panel.dates) - 1, (len(panel.dates) + rows) // 2, rows}):
        if rows <= row < len(panel.dates):
            part = probe.again(Inputs(_rows(panel, row - rows, row + 1)))[""].array
            place = first_difference(base[row][None], part[-1][None], ENOUGH)
            if place is not None:
                column = place[1]
                at = where((row, column), panel.dates, panel.symbols)
                raise Broken(
                    f"lookback={rows} is too short: on {at} is {float(base[row, column])} from "
                    f"all rows and {float(part[-1, column])} from the last {rows + 1}"
                )


def _rows(panel: Panel, start: int, stop: int) -> Panel:
    return replace(
        panel,
        dates=panel.dates[start:stop],
        fields={k: array[start:stop] for k, array in panel.fields.items()},
        series={k: array[start:stop] for k, array in panel.series.items()},
        member=panel.member[start:stop],
    )
