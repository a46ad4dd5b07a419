"""Which properties each kind has, and the two ways to ask for them.

`verdicts` tells all; `check` raises. Both call the plugin some dozens of times on small data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.checks import (
    Broken,
    Check,
    Verdict,
    check_config,
    cost_checks,
    factor_checks,
    judge,
    judge_all,
    model_checks,
    operator_checks,
    refuse_broken,
    regime_checks,
    source_checks,
    store_checks,
)
from engine.core.errors import PluginError
from engine.core.kinds import (
    Cost,
    Factor,
    Kind,
    Model,
    Observer,
    Operator,
    Portfolio,
    Regime,
    Source,
    Store,
    overrides,
)
from engine.core.panel import Panel
from engine.core.universe import Universe
from engine.plugin import Opened, list_declared, watching
from engine.testing.learner import learner_checks
from engine.testing.portfolio import portfolio_checks


def verdicts(
    plugin: Kind, panel: Panel | None = None, universe: Universe | None = None
) -> list[Verdict]:
    """Check every property of a plugin's kind.

    Parameters
    ----------
    plugin : Kind
        An instance, with the configuration to check.
    panel : Panel, optional
        Data for factors, regimes, portfolios and costs that need more than the bars, sectors
        and ``vix`` of `small_panel`, or a longer history. Other kinds do not look at it.
    universe : Universe, optional
        What sources are asked for; by default all that they have.

    Returns
    -------
    list of Verdict
        One per property; whatever the plugin raises, ``sys.exit`` included, is a failed
        verdict. Only Ctrl-C passes.
    """
    found: list[Check] = []

    def collect() -> None:
        found.extend(_checks(plugin, panel, universe))

    ready = judge(("config", collect))
    if not ready.ok:
        return [ready]
    with watching() as opened:
        told = judge_all(plugin, found)
    return [*told, *_judge_files(plugin, opened)]


def _judge_files(plugin: Kind, opened: Opened) -> list[Verdict]:
    """Whether a plugin read files that no option names: what it makes is kept by its options."""
    is_live = isinstance(plugin, Source) and not plugin.repeatable
    if is_live or isinstance(plugin, (Observer, Store)):
        return []
    strange = opened.find_undeclared(list_declared(plugin))

    def test() -> None:
        if strange:
            raise Broken(
                f"reads {strange[0]}, which no option names: make it one, with "
                "engine.option(…, file=True)"
            )

    return [judge(("files", test))]


def _checks(plugin: Kind, panel: Panel | None, universe: Universe | None) -> list[Check]:
    """The checks of the plugin's kind."""
    on_panels: tuple[tuple[type[Any], Callable[..., list[Check]]], ...] = (
        (Factor, factor_checks),
        (Regime, regime_checks),
        (Portfolio, portfolio_checks),
        (Cost, cost_checks),
    )
    for kind, checks in on_panels:
        if isinstance(plugin, kind):
            return checks(plugin, panel)
    if isinstance(plugin, Model):
        return learner_checks(plugin, panel) if overrides(plugin, "learn") else model_checks(plugin)
    if isinstance(plugin, Source):
        return source_checks(plugin, universe)
    if isinstance(plugin, Store):
        return store_checks(plugin)
    if isinstance(plugin, Operator):
        return operator_checks(plugin)
    if isinstance(plugin, Kind):  # an observer gives nothing back that could be wrong
        return [("config", lambda: check_config(plugin)), *plugin.kind_properties()]
    raise Broken(f"{plugin!r} is an instance of no kind: derive from engine.Factor, or another")


def check(plugin: Kind, panel: Panel | None = None, universe: Universe | None = None) -> None:
    """Check a plugin of any kind.

    Raises
    ------
    PluginError
        Names every property that the plugin lacks, one a line; see `verdicts`.
    """
    refuse_broken(plugin, verdicts(plugin, panel, universe))


def _check(
    plugin: Kind, kind: type[Kind], panel: Panel | None = None, universe: Universe | None = None
) -> None:
    if not isinstance(plugin, kind):
        raise PluginError(f"{plugin!r} is no engine.{kind.__name__}: pass an instance of one")
    check(plugin, panel, universe)


def check_factor(plugin: Factor, panel: Panel | None = None) -> None:
    """Raise PluginError unless a factor keeps its contract; see `verdicts` for `panel`."""
    _check(plugin, Factor, panel)


def check_regime(plugin: Regime, panel: Panel | None = None) -> None:
    """Raise PluginError unless a regime keeps its contract; see `verdicts` for `panel`."""
    _check(plugin, Regime, panel)


def check_portfolio(plugin: Portfolio, panel: Panel | None = None) -> None:
    """Raise PluginError unless a portfolio keeps its contract; see `verdicts` for `panel`."""
    _check(plugin, Portfolio, panel)


def check_cost(plugin: Cost, panel: Panel | None = None) -> None:
    """Raise PluginError unless a cost model keeps its contract; see `verdicts` for `panel`."""
    _check(plugin, Cost, panel)


def check_model(plugin: Model) -> None:
    """Raise PluginError unless a model keeps its contract."""
    _check(plugin, Model)


def check_source(plugin: Source, universe: Universe | None = None) -> None:
    """Raise PluginError unless a source keeps its contract; see `verdicts` for `universe`."""
    _check(plugin, Source, universe=universe)


def check_operator(plugin: Operator) -> None:
    """Raise PluginError unless an operator keeps its contract."""
    _check(plugin, Operator)


def check_store(plugin: Store) -> None:
    """Raise PluginError unless a store keeps its contract; it is asked in a folder of its own.

    One that is told where to keep things is asked there: tell it an empty folder.
    """
    _check(plugin, Store)
