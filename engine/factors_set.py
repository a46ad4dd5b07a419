"""The factors of a set made ready: classes computed, formulas on bars that have what they name."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Set
from dataclasses import dataclass

from engine.contracts import array, blamed
from engine.expr.canonical import key
from engine.expr.executor import tree
from engine.expr.facts import lookback, windows
from engine.expr.formula import Formula, trees
from engine.expr.naming import others_named, written_out
from engine.expr.nodes import Node
from engine.kinds import Factor
from engine.panel import FloatArray, Panel

log = logging.getLogger(__name__)


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


def ready(factors: Mapping[str, Factor], panel: Panel, aside: Set[str] = frozenset()) -> Ready:
    """Compute the factors that are no formulas, each once, and find out what formulas name.

    Formulas whose windows are longer than the bars are logged, in one line.

    Parameters
    ----------
    factors : mapping of str to Factor
    panel : Panel
    aside : set of str
        Factors that are wanted only where a formula names them.

    Raises
    ------
    PluginError
        A factor failed, or returned something else than an array of the panel's shape.
    FormulaError
        Formulas name one another in a circle.
    """
    written, named = _written(factors, panel)
    values: dict[str, FloatArray] = {}
    for name, factor in factors.items():
        if name not in written and (name not in aside or name in named.values()):
            with blamed(f"factors.{name}"):
                made = factor.compute(panel)
            values[name] = array(made, panel.shape, f"factors.{name}")
    _warn_of_windows(written, panel)
    if named:
        panel = panel.with_fields({field: values[name] for field, name in named.items()})
    formulas = {name: f for name, f in factors.items() if isinstance(f, Formula)}
    return Ready(trees(formulas, panel), panel, values, written)


def lookbacks(factors: Mapping[str, Factor], panel: Panel) -> dict[str, int | None]:
    """Rows of the bars before t that row t of each factor reads; None when it reads all."""
    written, named = _written(factors, panel)
    given: dict[str, int | None] = {name.lower(): 0 for name in panel.fields}
    given |= {field: factors[name].lookback for field, name in named.items()}
    return {
        name: lookback(written[name], given) if name in written else factor.lookback
        for name, factor in factors.items()
    }


def _written(factors: Mapping[str, Factor], panel: Panel) -> tuple[dict[str, Node], dict[str, str]]:
    """The formulas written out, and the other factors that they name, by the field's name."""
    nodes = {name: tree(name, f.formula) for name, f in factors.items() if isinstance(f, Formula)}
    bars = {name.lower() for name in panel.fields}
    named = others_named(nodes, factors, bars.__contains__)
    return written_out(nodes, {*bars, *named}.__contains__), named


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
