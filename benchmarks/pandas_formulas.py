"""A formula's tree walked with pandas, as its user would write it: the yardstick of the alphas.

One window is enough from its first value on, as in the engine; NaN is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from engine.expr.nodes import Call, Field, Node, Number

Frame = pd.DataFrame


def _decay(x: Frame, d: int) -> Frame:
    weights = np.arange(1.0, d + 1)

    def mean(window: Any) -> float:
        own, there = weights[-len(window) :], ~np.isnan(window)
        return float((window[there] * own[there]).sum() / own[there].sum())

    return x.rolling(d, min_periods=1).apply(mean, raw=True)


def _place(x: Frame, d: int, pick: Callable[[Any], Any]) -> Frame:
    return x.rolling(d, min_periods=1).apply(lambda w: pick(w) + 1 + d - len(w), raw=True)


def _where(condition: Any, yes: Any, no: Any) -> Frame:
    other = no if isinstance(no, Frame) else condition * 0 + no
    chosen = (condition * 0 + yes).where(condition != 0, other)
    return chosen.where(condition.notna())


def _flag(holds: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda x, y: holds(x, y).astype(float).where((x * 0 + y * 0).notna())


TABLE: Mapping[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "power": lambda x, y: x**y,
    "abs": abs,
    "log": np.log,
    "sign": np.sign,
    "signedpower": lambda x, y: np.sign(x) * abs(x) ** y,
    "minimum": np.minimum,
    "maximum": np.maximum,
    "lt": _flag(lambda x, y: x < y),
    "gt": _flag(lambda x, y: x > y),
    "eq": _flag(lambda x, y: x == y),
    "either": _flag(lambda x, y: (x != 0) | (y != 0)),
    "where": _where,
    "rank": lambda x: x.rank(axis=1, pct=True),
    "scale": lambda x, a=1.0: x.mul(a).div(x.abs().sum(axis=1), axis=0),
    "delay": lambda x, d: x.shift(d),
    "delta": lambda x, d: x - x.shift(d),
    "ts_sum": lambda x, d: x.rolling(d, min_periods=1).sum(),
    "ts_mean": lambda x, d: x.rolling(d, min_periods=1).mean(),
    "stddev": lambda x, d: x.rolling(d, min_periods=2).std(),
    "ts_min": lambda x, d: x.rolling(d, min_periods=1).min(),
    "ts_max": lambda x, d: x.rolling(d, min_periods=1).max(),
    "ts_argmin": lambda x, d: _place(x, d, np.nanargmin),
    "ts_argmax": lambda x, d: _place(x, d, np.nanargmax),
    "ts_rank": lambda x, d: x.rolling(d, min_periods=1).rank(pct=True),
    "product": lambda x, d: x.rolling(d, min_periods=1).apply(np.nanprod, raw=True),
    "decay_linear": _decay,
    "correlation": lambda x, y, d: x.rolling(d, min_periods=2).corr(y),
    "covariance": lambda x, y, d: x.rolling(d, min_periods=2).cov(y),
}


def computed(node: Node, bars: Mapping[str, Frame]) -> Any:
    """The value of a tree; a part that occurs twice in a formula is computed twice."""
    if isinstance(node, Number):
        whole = float(node.value).is_integer()
        return int(node.value) if whole else node.value
    if isinstance(node, Field):
        return _field(node.name, bars)
    assert isinstance(node, Call)
    result = TABLE[node.op](*(computed(arg, bars) for arg in node.args))
    return result.replace([np.inf, -np.inf], np.nan) if isinstance(result, Frame) else result


def _field(name: str, bars: Mapping[str, Frame]) -> Frame:
    if name in bars:
        return bars[name]
    close = bars["close"]
    if name == "returns":
        return close / close.ffill().shift(1) - 1
    assert name.startswith("adv"), name
    days = int(name.removeprefix("adv"))
    return (close * bars["volume"]).rolling(days, min_periods=1).mean()
