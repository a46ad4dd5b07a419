"""From target weights to orders: which bar each target is traded on, and at what price.

1. A target decided at the close of t is issued on bar t + 1 (its close, or its open).
2. An issued target whose bar cannot be traded on (suspension, no opening price, a cap of no
   shares) waits for the symbol's next bar that can; a newer target replaces it.
3. A delisted symbol (`engine.delisting`) is worth last close × (1 + return) from the row after
   its last bar: whoever holds it is paid that out, and targets issued for it are dropped. The
   return is that of a short where the newest target is below 0, else that of a long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.delisting import Outcomes
from engine.errors import ConfigError
from engine.panel import BoolArray, FloatArray, Panel, forward_fill

WORTHLESS = 1e-9  # of the last close: a price of exactly zero cannot be traded at


@dataclass(frozen=True, eq=False)
class Orders:
    """What to trade on which bar.

    Parameters
    ----------
    target : float array, shape (T, N)
        Fraction of equity to trade to on this bar; NaN where there is no order.
    mark : float array, shape (T, N)
        Price at which the account is valued before it trades, and at which it trades; finite.
    close : float array, shape (T, N)
        Price at which the account is valued at the close; finite. 1.0 before a first bar,
        where nothing can be held.
    limit : float array, shape (T, N)
        Largest order in shares; infinite where there is no limit.
    gone : bool array, shape (T, N)
        Rows after the last bar of a delisted symbol; `target` is 0 there.
    waiting : float array, shape (T, N)
        The target that was issued on a bar that cannot be traded on; NaN elsewhere.
    dropped : int
        Targets other than 0 issued for symbols that were gone.
    """

    target: FloatArray
    mark: FloatArray
    close: FloatArray
    limit: FloatArray
    gone: BoolArray
    waiting: FloatArray
    dropped: int

    @property
    def traded(self) -> BoolArray:
        """Where an order meets a bar, shape (T, N): `target` without the delisted symbols."""
        return np.isfinite(self.target) & ~self.gone


def schedule(
    weights: FloatArray,
    panel: Panel,
    *,
    fill: str = "close",
    ended: Outcomes,
    max_order: FloatArray | None = None,
) -> Orders:
    """Put target weights on the bars that they are traded on.

    Parameters
    ----------
    weights : float array, shape (T, N)
        Targets decided at each close, as fractions of equity; NaN holds.
    panel : Panel
        The bars; `fill` "open" needs the field ``open``.
    fill : {"close", "open"}
        Price of the next bar that is traded at.
    ended : Outcomes
        Which symbols were delisted, and what their holders got.
    max_order : float array, shape (T, N), optional
        Cap in shares; a cap of 0 means that the bar cannot be traded on.

    Raises
    ------
    ConfigError
        If the bars have no ``open`` to fill at.
    """
    gone = ended.gone
    close = _valuation(panel, ended, weights)
    price = _fill_price(panel, fill)
    cap = np.full(panel.shape, np.inf) if max_order is None else max_order
    tradable = panel.present & np.isfinite(price) & (price > 0.0) & ~(cap <= 0.0) & ~gone
    issued = np.full(panel.shape, np.nan)
    issued[1:] = weights[:-1]
    target = np.where(tradable, _newest(issued, tradable), np.nan)
    target[gone] = 0.0
    return Orders(
        target=target,
        mark=_mark(price, close, gone, fill),
        close=close,
        limit=np.where((cap > 0.0) & ~gone, cap, np.inf),  # a delisting is paid out in full
        gone=gone,
        waiting=np.where(tradable | gone, np.nan, issued),
        dropped=int((np.isfinite(issued) & gone & (issued != 0.0)).sum()),
    )


def _valuation(panel: Panel, ended: Outcomes, weights: FloatArray) -> FloatArray:
    filled = forward_fill(panel["close"])
    asked = forward_fill(np.where(ended.gone, np.nan, weights))
    returns = np.where(asked < 0.0, ended.short, ended.long)
    filled = np.where(ended.gone, filled * np.maximum(1.0 + returns, WORTHLESS), filled)
    return np.where(np.isfinite(filled), filled, 1.0)


def _fill_price(panel: Panel, fill: str) -> FloatArray:
    if fill == "open" and "open" not in panel:
        raise ConfigError(
            "backtest.fill: 'open' needs the field 'open', which the bars lack: "
            "write backtest.fill=close"
        )
    return panel[fill]


def _mark(price: FloatArray, close: FloatArray, gone: BoolArray, fill: str) -> FloatArray:
    """The price known when the order is sized: at the open, today's close is not."""
    if fill == "close":
        return close
    known = np.ones_like(close)
    known[1:] = close[:-1]
    known = np.where(gone, close, known)
    return np.where(np.isfinite(price) & (price > 0.0) & ~gone, price, known)


def _newest(issued: FloatArray, tradable: BoolArray) -> FloatArray:
    """The newest target issued since the symbol could last be traded; NaN without one."""
    rows = np.arange(len(issued))[:, None]
    newest = np.maximum.accumulate(np.where(np.isfinite(issued), rows, -1), axis=0)
    settled = np.full(issued.shape, -1)
    settled[1:] = np.maximum.accumulate(np.where(tradable, rows, -1), axis=0)[:-1]
    target = np.take_along_axis(issued, np.maximum(newest, 0), axis=0)
    return np.where(newest > settled, target, np.nan)
