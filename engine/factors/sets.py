"""The factors of a set made ready: classes computed, formulas on bars that have what they name."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from engine.core.contracts import array
from engine.core.kinds import Factor
from engine.core.panel import FloatArray, Panel
from engine.expr import (
    Formula,
    Node,
    fields,
    find_others,
    key,
    lookback,
    tree,
    trees,
    windows,
    write_out,
)
from engine.plugin import calling, lend, take_over

log = logging.getLogger(__name__)
DAILY = 200.0, 366.0  # rows a year of daily bars, with and without weekends
NOTHING: Mapping[str, FloatArray] = {}
SPAN = re.compile(r"(?i)(?<![a-z0-9])\d+ ?(w|m|mo|y|yr|weeks?|months?|years?)(?![a-z0-9])")


@dataclass(frozen=True)
class Ready:
    """What is left to do for a set of factors: to evaluate its formulas on a panel.

    Parameters
    ----------
    formulas : dict of str to str or Node
        By the factor's name.
    panel : Panel
        The bars, and as fields the factors that formulas name and that are no formulas.
    values : dict of str to float array, shape (T, N)
        The factors that are no formulas.
    written : dict of str to Node
        The formulas with those that they name written out.
    """

    formulas: dict[str, str | Node]
    panel: Panel
    values: dict[str, FloatArray]
    written: dict[str, Node]

    @property
    def keys(self) -> dict[str, str]:
        """Which formula each formula is, as a file of its values remembers it."""
        return {name: key(node) for name, node in self.written.items()}


def ready(
    factors: Mapping[str, Factor],
    panel: Panel,
    aside: Set[str] = frozenset(),
    known: Mapping[str, FloatArray] = NOTHING,
) -> Ready:
    """Compute the factors that are no formulas, each once, and find out what formulas name.

    Formulas whose windows are longer than the bars are logged, in one line; where the bars are
    not daily, so are factors whose names speak of weeks, months or years.

    Parameters
    ----------
    factors : mapping of str to Factor
    panel : Panel
    aside : set of str
        Factors that are wanted only where a formula names them.
    known : mapping of str to float array, shape (T, N)
        Values of factors that are no formulas, which need not be computed.

    Raises
    ------
    PluginError
        A factor failed, or returned something else than an array of the panel's shape.
    FormulaError
        Formulas name one another in a circle.
    """
    written, named = _write_out(factors, panel)
    values: dict[str, FloatArray] = {}
    for name, factor in factors.items():
        if name in known:
            values[name] = known[name]
        elif name not in written and (name not in aside or name in named.values()):
            with calling(factor, f"factors.{name}"):
                made = factor.compute(lend(panel, factor))
                made = array(made, panel.shape, f"factors.{name}")
            values[name] = take_over(made, factor)
    _warn_of_windows(written, panel)
    _warn_of_names(factors, panel)
    if named:
        panel = panel.with_fields({field: values[name] for field, name in named.items()})
    formulas = {name: f for name, f in factors.items() if isinstance(f, Formula)}
    return Ready(trees(formulas, panel), panel, values, written)


def keep_named(single: str, factors: Mapping[str, Factor]) -> dict[str, Factor]:
    """Return a factor of a set, and those of the set that its formula names."""
    kept: dict[str, Factor] = {}
    waiting = [single]
    while waiting:
        name = waiting.pop()
        kept[name] = factor = factors[name]
        if isinstance(factor, Formula):
            names = fields(factor.node)
            waiting += [each for each in factors if each.lower() in names and each not in kept]
    return kept


def lookbacks(factors: Mapping[str, Factor], panel: Panel) -> dict[str, int | None]:
    """Rows of the bars before t that row t of each factor reads; None when it reads all."""
    written, named = _write_out(factors, panel)
    given: dict[str, int | None] = {name.lower(): 0 for name in panel.fields}
    given |= {field: _lookback(name, factors[name]) for field, name in named.items()}
    return {
        name: lookback(written[name], given) if name in written else _lookback(name, factor)
        for name, factor in factors.items()
    }


def _lookback(name: str, factor: Factor) -> int | None:
    with calling(factor, f"factors.{name}"):
        return factor.lookback


def spans(factors: Mapping[str, Factor], panel: Panel) -> dict[str, int]:
    """Rows in the longest window that each factor names, read off its formula; 1 without any.

    What looks back without end counts as the largest window that stands in it. A class has as
    many as it looks back, and its own row.
    """
    written, named = _write_out(factors, panel)
    bars = {name.lower() for name in panel.fields}
    made = {n: 1 + (_lookback(n, f) or 0) for n, f in factors.items() if n not in written}
    for name, node in written.items():
        read = [made[named[field]] for field in fields(node) if field in named]
        made[name] = max([d for _, d in windows(node, bars)] + read, default=1)
    return made


def _write_out(
    factors: Mapping[str, Factor], panel: Panel
) -> tuple[dict[str, Node], dict[str, str]]:
    """The formulas written out, and the other factors that they name, by the field's name."""
    nodes = {
        name: tree(name, f.node, panel) for name, f in factors.items() if isinstance(f, Formula)
    }
    bars = {name.lower() for name in panel.fields}
    named = find_others(nodes, factors, bars.__contains__)
    return write_out(nodes, {*bars, *named}.__contains__), named


def _warn_of_windows(written: Mapping[str, Node], panel: Panel) -> None:
    """Tell of windows that these bars can never fill."""
    bars, rows = {name.lower() for name in panel.fields}, len(panel.dates)
    asked = {name: [d for _, d in windows(node, bars)] for name, node in written.items()}
    longest = {name: max(found) for name, found in asked.items() if found and max(found) > rows}
    if longest:
        log.warning(
            "windows of up to %d rows, and the bars have %d dates: take more dates, or do without "
            "%s",
            max(longest.values()),
            rows,
            ", ".join(longest),
        )


def _warn_of_names(factors: Iterable[str], panel: Panel) -> None:
    """Tell of names that speak of weeks, months or years, where a row is no day."""
    rows, (least, most) = panel.periods_per_year, DAILY
    named = [name for name in factors if SPAN.search(name.replace("_", " "))]
    if named and not least <= rows <= most:
        log.warning(
            "windows are rows, and the bars have %g a year: these names speak of other spans than "
            "their windows have: %s",
            rows,
            ", ".join(named),
        )
