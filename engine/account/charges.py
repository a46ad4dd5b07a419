"""From a cost plugin to the rates that the ledger charges; what is no rate is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from engine.account.rows import Charges
from engine.core.errors import ConfigError, PluginError
from engine.core.kinds import Cost, overrides
from engine.core.panel import FloatArray, Panel
from engine.core.sealed import seal
from engine.plugin import calling, lend, take_over


def charge(cost: Cost, panel: Panel, orders: FloatArray | None = None) -> Charges:
    """Return what a cost model charges on a panel.

    Parameters
    ----------
    cost : Cost
    panel : Panel
    orders : float array, shape (T, N), optional
        Value of each order, in currency, for a model that has `trading` alone; default: none.

    Raises
    ------
    PluginError
        If a rate is not what its kind promises.
    """
    fixed, coefficient, exponent = _trading(cost, panel, orders)
    long, short, cash = _holding(cost, panel)
    refuse_same_names(cost, fixed, {*long, *short, *cash})
    return Charges(fixed, coefficient, exponent, long, short, cash)


def refuse_same_names(cost: Cost, trading: Iterable[str], holding: Iterable[str]) -> None:
    """Raise PluginError where a component of trading has the name of one of holding."""
    for name in sorted({*trading} & {*holding})[:1]:
        raise PluginError(
            f"costs {cost.name!r}: trading and holding both have a component {name!r}: rename one"
        )


def _trading(
    cost: Cost, panel: Panel, orders: FloatArray | None
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, float]]:
    who = f"costs {cost.name!r}"
    fixed: dict[str, FloatArray] = {}
    coefficient: dict[str, FloatArray] = {}
    exponent: dict[str, float] = {}
    if not overrides(cost, "terms", before="trading"):
        values = np.zeros(panel.shape) if orders is None else orders
        with calling(cost, who):
            made: Mapping[str, Any] = cost.trading(lend(panel, cost), seal(values))
            for name in sorted(made):
                fixed[name] = _rate(made[name], panel.shape, f"{who}: the rate {name!r}", cost)
        return fixed, coefficient, exponent
    with calling(cost, who):
        made = cost.terms(lend(panel, cost))
        for name in sorted(made):
            terms, what = made[name], f"{who}: {{}} of {name!r}"
            fixed[name] = _rate(terms.fixed, panel.shape, what.format("fixed"), cost)
            varying = _rate(terms.coefficient, panel.shape, what.format("coefficient"), cost)
            if varying.any():
                if not (np.isfinite(terms.exponent) and terms.exponent > 0.0):
                    raise PluginError(
                        f"{what.format('exponent')} is {terms.exponent}: it must be above 0"
                    )
                coefficient[name], exponent[name] = varying, float(terms.exponent)
    return fixed, coefficient, exponent


def _rate(value: Any, shape: tuple[int, ...], what: str, cost: Cost) -> FloatArray:
    return _spread(value, shape, what, cost, least=0.0)


def _spread(
    value: Any, shape: tuple[int, ...], what: str, cost: Cost, least: float = -np.inf
) -> FloatArray:
    """A finite number or array, as an array of this shape."""
    need = "finite" if least == -np.inf else f"finite, >= {least:g}"
    wrong = PluginError(f"{what} must be {need} and of shape {shape}: mend {type(cost).__name__}")
    try:
        made: FloatArray = np.broadcast_to(take_over(np.asarray(value, np.float64), cost), shape)
    except (TypeError, ValueError) as error:
        raise wrong from error
    thin = _thin(made)
    if not (np.isfinite(thin) & (thin >= least)).all():
        raise wrong
    return made


def _holding(
    cost: Cost, panel: Panel
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, FloatArray]]:
    parts: dict[str, dict[str, FloatArray]] = {"long": {}, "short": {}, "cash": {}}
    if overrides(cost, "holding", before="carry"):
        who = f"costs {cost.name!r}"
        with calling(cost, who):
            made = cost.holding(lend(panel, cost))
            for name in sorted(made):
                for part, rates in parts.items():
                    value = getattr(made[name], part)
                    if value is not None:
                        shape: tuple[int, ...] = panel.shape[:1] if part == "cash" else panel.shape
                        rates[name] = _spread(value, shape, f"{who}: {part} of {name!r}", cost)
    return parts["long"], parts["short"], parts["cash"]


def total(arrays: Mapping[str, FloatArray], shape: tuple[int, ...]) -> FloatArray:
    """The sum of arrays that are all of this shape, added in the order of their names."""
    added: Any = 0.0
    for name in sorted(arrays):
        added = added + _thin(arrays[name])
    return np.broadcast_to(np.asarray(added, np.float64), shape)


def _thin(array: FloatArray) -> FloatArray:
    """The array without what was repeated to make its shape."""
    return array[tuple(slice(0, 1) if step == 0 else slice(None) for step in array.strides)]


def limits(cost: Cost, panel: Panel) -> FloatArray | None:
    """Largest orders in shares, shape (T, N); None without a limit."""
    with calling(cost, f"costs {cost.name!r}"):
        asked = cost.max_order(lend(panel, cost))
        if asked is None:
            return None
        most = take_over(np.asarray(asked, np.float64), cost)
    if most.shape != panel.shape or not (most >= 0.0).all():
        raise PluginError(
            f"costs {cost.name!r}: max_order must be >= 0 (infinite: no limit) and of shape "
            f"{panel.shape}: mend {type(cost).__name__}"
        )
    return most


def _percent(rate: float) -> str:
    """A rate in percent; what is absurd without its hundred digits."""
    return f"{rate:.0%}" if rate < 100.0 else f"{rate:.1g} times the value"


def explain_too_dear(
    charges: Charges, cost: Cost, value: float, row: int, column: int, date: str, symbol: str
) -> ConfigError:
    """What to say of an order whose costs are as large as itself."""
    at = (np.array([row]), np.array([column]))
    rates = {name: float(r[0]) for name, r in charges.rates(np.array([value]), at).items()}
    worst = max(sorted(rates), key=lambda name: rates[name])
    limit = hasattr(cost, "max_participation")
    smaller = "limit the order by costs.max_participation, " if limit else ""
    return ConfigError(
        f"costs {cost.name!r}: {worst} takes {_percent(rates[worst])} of an order of {value:,.0f} "
        f"in {symbol} on {date} ({_percent(sum(rates.values()))} in all): lower "
        f"backtest.initial_capital, {smaller}or lower the rate"
    )
