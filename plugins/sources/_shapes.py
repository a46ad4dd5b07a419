"""The shapes of a planted premium: which score of the signals earns it.

The score of a date is known at its close, has mean 0 and variance 1 across symbols on every date,
and is what has the rank IC that is asked for (`_planted.py`). With s and s2 independent signals:

```
linear       s
interaction  s × s2                     neither says anything alone
regime       s, or -s                   s while the market is calm, -s in any other state
drift        cos(a) s + sin(a) s2       a runs from 0 on the first day to pi on the last
```

So a drifting premium is all s at first, all s2 at half-time, and all -s in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from engine import FloatArray
from engine.plugins.sources._market import STATES, Market

COLUMNS = ("planted", "planted_2")  # of the signals


@dataclass(frozen=True)
class Shape:
    """How many signals there are, and what earns the premium."""

    signals: int
    score: Callable[[Market, Sequence[FloatArray]], FloatArray]
    """Of the market and the signals, shape (T, N) each: the score, shape (T, N)."""
    column: str = "planted_score"
    """Where the score is published."""

    def publish(self, signals: Sequence[FloatArray], score: FloatArray) -> dict[str, FloatArray]:
        """Return the columns of the signals and of the score, shape (T, N) each."""
        return {**dict(zip(COLUMNS, signals, strict=False)), self.column: score}


def _take(market: Market, signals: Sequence[FloatArray]) -> FloatArray:
    return signals[0]


def _multiply(market: Market, signals: Sequence[FloatArray]) -> FloatArray:
    return signals[0] * signals[1]


def _switch(market: Market, signals: Sequence[FloatArray]) -> FloatArray:
    sign = np.where(market.state == STATES.index("calm"), 1.0, -1.0)
    return sign[:, None] * signals[0]


def _turn(market: Market, signals: Sequence[FloatArray]) -> FloatArray:
    angle = np.linspace(0.0, np.pi, len(market.state))[:, None]
    return np.cos(angle) * signals[0] + np.sin(angle) * signals[1]


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "linear": Shape(1, _take, COLUMNS[0]),
        "interaction": Shape(2, _multiply),
        "regime": Shape(1, _switch),
        "drift": Shape(2, _turn),
    }
)
