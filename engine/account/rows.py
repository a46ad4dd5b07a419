"""What the ledger trades against: prices, caps, delistings and costs, for some rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.account.options import Backtest
from engine.bars import Outcomes
from engine.core.errors import ConfigError
from engine.core.panel import FloatArray, Panel, forward_fill

Places = npt.NDArray[np.intp]
WORTHLESS = 1e-9  # of the last close: nobody books a price of exactly zero


@dataclass(frozen=True, eq=False)
class Market:
    """Prices and limits of some rows.

    Parameters
    ----------
    symbols : tuple of str, length N
    dates : pandas.DatetimeIndex, shape (T,)
    days : float array, shape (T,)
        Calendar days from the row before; 0 on the first row of the data.
    price : float array, shape (T, N)
        What orders are filled at; NaN where they cannot be.
    mark : float array, shape (T, N)
        The last known close; 1.0 before a first bar, where nothing can be held.
    at_open : bool
        Whether `price` is the open, so that today's close is not known at the fill.
    cap : float array, shape (T, N)
        Largest order in shares; 0 means that the bar cannot be traded on.
    gone_from : int array, shape (N,)
        First row on which a name is known to have gone, counted from the first of these; T or
        more: never.
    payout_long, payout_short : float array, shape (N,)
        What a long in a name that has gone is paid per share, and a short settled at.
    """

    symbols: tuple[str, ...]
    dates: pd.DatetimeIndex
    days: FloatArray
    price: FloatArray
    mark: FloatArray
    at_open: bool
    cap: FloatArray
    gone_from: npt.NDArray[np.int64]
    payout_long: FloatArray
    payout_short: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """(T, N)."""
        rows, names = self.mark.shape
        return rows, names

    def between(self, start: int, stop: int) -> Market:
        """The rows from `start` to `stop` alone."""
        return replace(
            self,
            dates=self.dates[start:stop],
            days=self.days[start:stop],
            price=self.price[start:stop],
            mark=self.mark[start:stop],
            cap=self.cap[start:stop],
            gone_from=self.gone_from - start,
        )


def market(
    panel: Panel, outcomes: Outcomes, config: Backtest, cap: FloatArray | None = None
) -> Market:
    """Return what a panel's rows offer to trade against.

    Parameters
    ----------
    panel : Panel
        The bars; fills at the open need the field ``open``.
    outcomes : Outcomes
        Who was delisted when, and with which return.
    config : Backtest
    cap : float array, shape (T, N), optional
        Largest order in shares.

    Raises
    ------
    ConfigError
        If the bars have no ``open`` to fill at.
    """
    if config.fill == "open" and "open" not in panel:
        raise ConfigError(
            "backtest.fill: 'open' needs the field 'open', which the bars lack: "
            "write backtest.fill=close"
        )
    length = len(panel.dates)
    close, filled = panel[config.fill], forward_fill(panel["close"])
    offered = panel.present & (close > 0.0) & np.isfinite(close)
    last = filled[-1]
    days = np.zeros(length)
    days[1:] = np.diff(panel.dates.to_numpy("datetime64[D]")) / np.timedelta64(1, "D")
    return Market(
        symbols=panel.symbols,
        dates=panel.dates,
        days=days,
        price=close if offered.all() else np.where(offered, close, np.nan),
        mark=np.where(np.isfinite(filled), filled, 1.0),
        at_open=config.fill == "open",
        cap=np.broadcast_to(np.inf, panel.shape) if cap is None else cap,
        gone_from=outcomes.known_from.astype(np.int64),
        payout_long=_payout(last, outcomes.long),
        payout_short=_payout(last, outcomes.short),
    )


def _payout(last: FloatArray, returned: FloatArray) -> FloatArray:
    """Last close and return; a price below 0 is a debt, and its delisting does not forgive it."""
    paid = last + returned * np.abs(last)
    paid = np.where(last > 0.0, np.maximum(paid, WORTHLESS * last), paid)
    return np.where(np.isfinite(last), paid, 1.0)


@dataclass(frozen=True, eq=False)
class Charges:
    """What trading and holding cost on some rows; what is the same everywhere is not repeated.

    Parameters
    ----------
    fixed : mapping of str to float array, shape (T, N)
        By component, as a fraction of the traded value.
    coefficient : mapping of str to float array, shape (T, N)
        Of value ^ `exponent`, of the components whose rate depends on the size.
    exponent : mapping of str to float
    long, short : mapping of str to float array, shape (T, N)
        Earned (+) or paid (-) per calendar day, by component.
    cash : mapping of str to float array, shape (T,)
    """

    fixed: Mapping[str, FloatArray]
    coefficient: Mapping[str, FloatArray]
    exponent: Mapping[str, float]
    long: Mapping[str, FloatArray]
    short: Mapping[str, FloatArray]
    cash: Mapping[str, FloatArray]

    def between(self, start: int, stop: int) -> Charges:
        """The rows from `start` to `stop` alone."""

        def cut(arrays: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
            return {name: array[start:stop] for name, array in arrays.items()}

        return Charges(
            cut(self.fixed),
            cut(self.coefficient),
            self.exponent,
            cut(self.long),
            cut(self.short),
            cut(self.cash),
        )

    def rates(self, value: FloatArray, at: tuple[Places, ...]) -> dict[str, FloatArray]:
        """What orders of these values pay, by component; `at` are their rows and columns."""
        made = {name: fixed[at] for name, fixed in self.fixed.items()}
        for name, coefficient in self.coefficient.items():
            made[name] = made[name] + coefficient[at] * value ** self.exponent[name]
        return made
