"""Commission, slippage, spread, market impact, borrow fees and cash interest."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

import engine

log = logging.getLogger(__name__)

BPS = 1e-4
YEAR = 360.0  # money markets count actual days over 360 (ACT/360)


@dataclass(frozen=True)
class Standard(engine.Cost):
    """The costs of a stock account, each component by itself.

    Trading, as fractions of the traded value:

    - ``commission`` and ``slippage`` are flat rates; ``spread`` is half the quoted spread.
    - ``impact`` follows the square-root law: coefficient × daily volatility ×
      √(order value / trailing median dollar volume) (Grinold & Kahn 2000, ch. 16; Almgren,
      Thum, Hauptmann & Li 2005, eq. 13 ff. for its calibration). The default of 0.5 is what
      Almgren et al. find for 10% of a day's volume traded in a fifth of a day: permanent
      0.063σ plus temporary 0.094σ = 0.157σ = 0.5 σ √0.1.

    Holding, per year of 360 days on actual calendar days: ``borrow`` on the value of shorts,
    ``cash`` on cash with the proceeds of shorts, which is also the rebate on them. The default
    `cash_rate` of 0 invents no income; a net leverage above 1 pays it.

    Volume and volatility are those of the `impact_window` rows strictly before the traded bar;
    missing bars are skipped. Where they are not known yet, impact is 0 and there is no cap.

    A delisting is a return, not a cost: what it pays is said in ``delisting``.
    """

    name: ClassVar[str] = "standard"

    fees_bps: float = engine.option(1.0, "commission on the traded value", unit="bps", ge=0.0)
    slippage_bps: float = engine.option(1.0, "slippage on the traded value", unit="bps", ge=0.0)
    spread_bps: float = engine.option(
        2.0, "full quoted spread; a trade pays half of it", unit="bps", ge=0.0
    )
    impact_coefficient: float = engine.option(
        0.5, "coefficient of the square-root law of impact; 0 turns it off", ge=0.0
    )
    impact_window: int = engine.option(
        20, "rows for trailing volume and volatility", unit="trading days", ge=2
    )
    max_participation: float | None = engine.option(
        0.1, "largest order over trailing dollar volume; null is no limit", unit="fraction", ge=0.0
    )
    borrow_bps: float = engine.option(50.0, "fee on shorts", unit="bps per year", ge=0.0)
    cash_rate: float = engine.option(0.0, "interest on cash", unit="fraction per year")

    def trading(
        self, panel: engine.Panel, orders: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        """Return the rates ``commission``, ``slippage``, ``spread`` and ``impact``."""
        return {
            "commission": np.full(panel.shape, self.fees_bps * BPS),
            "slippage": np.full(panel.shape, self.slippage_bps * BPS),
            "spread": np.full(panel.shape, self.spread_bps * BPS / 2.0),
            "impact": self._impact(panel, orders),
        }

    def _impact(self, panel: engine.Panel, orders: engine.FloatArray) -> engine.FloatArray:
        if self.impact_coefficient == 0.0 or not _has_volume(panel) or not orders.any():
            return np.zeros(panel.shape)
        volume = trailing_dollar_volume(panel, self.impact_window)
        volatility = trailing_volatility(panel, self.impact_window)
        share = np.divide(orders, volume, out=np.zeros(panel.shape), where=volume > 0.0)
        return self.impact_coefficient * np.nan_to_num(volatility) * np.sqrt(share)

    def carry(
        self, weights: engine.FloatArray, days: engine.FloatArray
    ) -> Mapping[str, engine.FloatArray]:
        """Return ``borrow`` (<= 0) and ``cash``."""
        shorts = np.maximum(-weights, 0.0).sum(axis=1)
        cash = 1.0 - weights.sum(axis=1)
        return {
            "borrow": -self.borrow_bps * BPS * shorts * days / YEAR,
            "cash": self.cash_rate * cash * days / YEAR,
        }

    def max_order(self, panel: engine.Panel) -> engine.FloatArray | None:
        """Return `max_participation` of the trailing dollar volume, in shares at the last close.

        Infinite where the volume or a close before t is not known; None without a limit.
        """
        if self.max_participation is None or not _has_volume(panel):
            return None
        volume = trailing_dollar_volume(panel, self.impact_window)
        close = np.full(panel.shape, np.nan)
        close[1:] = engine.forward_fill(panel["close"])[:-1]
        shares = self.max_participation * volume / close
        return np.where(np.isfinite(shares), shares, np.inf)


@lru_cache(maxsize=1)  # one warning a panel
def _has_volume(panel: engine.Panel) -> bool:
    if "volume" in panel:
        return True
    log.warning("the bars have no volume: impact is zero and the size of orders is not limited")
    return False


@lru_cache(maxsize=1)  # the cap and both passes ask for it; a panel never changes
def trailing_dollar_volume(panel: engine.Panel, window: int) -> engine.FloatArray:
    """Median of close × volume over the `window` rows before t, shape (T, N), in currency.

    Missing bars are skipped; NaN where there was none.
    """
    dollars = panel["close"] * panel["volume"]
    out = np.full(panel.shape, np.nan)
    recent = np.full((panel.shape[1], window), np.nan)
    names = np.arange(panel.shape[1])
    for t in range(1, len(dollars)):
        recent[:, (t - 1) % window] = dollars[t - 1]
        ordered = np.sort(recent, axis=1)  # NaN last
        count = np.isfinite(recent).sum(axis=1)
        low, high = ordered[names, (count - 1) // 2], ordered[names, count // 2]
        out[t] = np.where(count > 0, (low + high) / 2.0, np.nan)
    return out


@lru_cache(maxsize=1)
def trailing_volatility(panel: engine.Panel, window: int) -> engine.FloatArray:
    """Standard deviation of daily returns over the `window` rows before t, shape (T, N).

    Missing returns are skipped; NaN with fewer than two.
    """
    returns = panel.returns
    out = np.full(panel.shape, np.nan)
    for t in range(1, len(returns)):
        recent = returns[max(0, t - window) : t]
        known = np.isfinite(recent)
        count = known.sum(axis=0)
        value = np.where(known, recent, 0.0)
        mean = value.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(known, value - mean, 0.0) ** 2).sum(axis=0)
        out[t] = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
    return out
