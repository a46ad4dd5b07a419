"""From target weights to orders: which bar each target is traded on, and at what price.

1. A target decided at the close of t is issued on bar t + 1 (its close, or its open).
2. An issued target whose bar cannot be traded on (suspension, no opening price, a cap of no
   shares) waits for the symbol's next bar that can; a newer target replaces it.
3. A symbol whose last bar lies `delist_after` or more rows before the last date is delisted.
   From the row after its last bar it is worth last close × (1 + delisting return), whoever
   holds it is paid that out, and targets issued for it are dropped.

Step 3 reads the future to tell a delisting from a suspension, but only to book an outcome:
no decision sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
    delist_after: int = 5,
    delisting_return: float = 0.0,
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
    delist_after : int
        Rows without a bar at the end of the sample that make a symbol delisted.
    delisting_return : float
        Return from the last close to what the holders got, from -1 to 0.
    max_order : float array, shape (T, N), optional
        Cap in shares; a cap of 0 means that the bar cannot be traded on.

    Raises
    ------
    ConfigError
        If the bars have no ``open`` to fill at.
    """
    gone = delisted(panel, delist_after)
    close = _valuation(panel, gone, delisting_return)
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


def delisted(panel: Panel, after: int) -> BoolArray:
    """Rows after the last bar of symbols that stop `after` or more rows early, shape (T, N)."""
    length = len(panel.dates)
    rows = np.arange(length)[:, None]
    last = np.where(panel.present, rows, -1).max(axis=0, initial=-1)
    early = (last >= 0) & (length - 1 - last >= after)
    gone: BoolArray = early & (rows > last)
    return gone


def _valuation(panel: Panel, gone: BoolArray, delisting_return: float) -> FloatArray:
    filled = forward_fill(panel["close"])
    filled[gone] *= max(1.0 + delisting_return, WORTHLESS)
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
