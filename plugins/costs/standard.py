"""Commission, slippage, spread, market impact, borrow fees and cash interest."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
import numpy.typing as npt

import engine

log = logging.getLogger(__name__)

BPS = 1e-4
CACHED = 16 * 1024  # cells that are worked on at once
YEAR = 360.0  # money markets count actual days over 360 (ACT/360)


@dataclass(frozen=True)
class Standard(engine.Cost):
    """The costs of a stock account, each component by itself.

    Trading, as fractions of the traded value, each order at the size that is traded:

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
    missing bars are skipped. Where they are not known yet, impact is 0 and there is no cap; a
    volume that has been 0 from the first bar on is not known.

    A delisting is a return, not a cost: what it pays is said in ``delisting``.
    """

    name: ClassVar[str] = "standard"

    fees_bps: float = engine.option(1.0, "commission on the traded value", unit="bps", ge=0.0)
    slippage_bps: float = engine.option(1.0, "slippage on the traded value", unit="bps", ge=0.0)
    spread_bps: float = engine.option(
        2.0, "full quoted spread; a trade pays half of it", unit="bps", ge=0.0
    )
    impact_coefficient: float = engine.option(
        0.5, "× daily volatility × √(order / trailing dollar volume); 0 turns it off", ge=0.0
    )
    impact_window: int = engine.option(
        20, "before the traded bar, for volume and volatility", unit="trading days", ge=2
    )
    max_participation: float | None = engine.option(
        0.1, "largest order over trailing dollar volume; null is no limit", unit="fraction", ge=0.0
    )
    borrow_bps: float = engine.option(
        50.0, "on the value of shorts, ACT/360", unit="bps per year", ge=0.0
    )
    cash_rate: float = engine.option(
        0.0,
        "interest on cash with the proceeds of shorts, ACT/360; 0 invents no income",
        unit="fraction per year",
    )

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        """Return the terms of ``commission``, ``slippage``, ``spread`` and ``impact``."""
        return {
            "commission": engine.Terms(fixed=self.fees_bps * BPS),
            "slippage": engine.Terms(fixed=self.slippage_bps * BPS),
            "spread": engine.Terms(fixed=self.spread_bps * BPS / 2.0),
            "impact": engine.Terms(coefficient=self._impact(panel), exponent=0.5),
        }

    def _impact(self, panel: engine.Panel) -> engine.FloatArray | float:
        """What √(order value) is multiplied by, shape (T, N)."""
        if self.impact_coefficient == 0.0 or not _has_volume(panel):
            return 0.0
        volume = trailing_dollar_volume(panel, self.impact_window)
        volatility = np.nan_to_num(trailing_volatility(panel, self.impact_window))
        made: engine.FloatArray = np.zeros(panel.shape)
        np.divide(
            self.impact_coefficient * volatility, np.sqrt(volume), out=made, where=volume > 0.0
        )
        return made

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        """Return ``borrow`` on shorts and interest on ``cash``."""
        return {
            "borrow": engine.Holding(short=-self.borrow_bps * BPS / YEAR),
            "cash": engine.Holding(cash=self.cash_rate / YEAR),
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
        shares = self.max_participation * volume / np.abs(close)
        return np.where(np.isfinite(shares), shares, np.inf)


@lru_cache(maxsize=1)  # one warning a panel
def _has_volume(panel: engine.Panel) -> bool:
    if "volume" in panel and (np.nan_to_num(panel["volume"]) > 0.0).any():
        return True
    why = "the volume is 0 on every bar" if "volume" in panel else "the bars have no volume"
    log.warning("%s: impact is zero and the size of orders is not limited", why)
    return False


@lru_cache(maxsize=1)  # the cap and the impact ask for it; a panel never changes
def trailing_dollar_volume(panel: engine.Panel, window: int) -> engine.FloatArray:
    """Median of close × volume over the `window` rows before t, shape (T, N), in currency.

    Missing bars are skipped; NaN where there was none, and as long as all volume was 0.
    """
    T, N = panel.shape
    dollars = np.abs(panel["close"]) * panel["volume"]
    known = np.zeros((window + T, N), np.int32)
    known[window + 1 :] = np.isfinite(dollars[:-1])
    through = np.cumsum(known, axis=0, out=known)
    ever = np.zeros((T, N), bool)
    np.logical_or.accumulate(np.nan_to_num(panel["volume"][:-1]) > 0.0, axis=0, out=ever[1:])
    out, recent = np.empty((T, N)), np.full((N, window), np.nan)
    step = max(16 * CACHED // max(N * window, 1), 1)
    block = np.empty((step, N, window))
    for start in range(0, T, step):
        rows = slice(start, min(start + step, T))
        ordered = block[: rows.stop - start]
        for t in range(start, rows.stop):
            if t > 0:
                recent[:, (t - 1) % window] = dollars[t - 1]
            ordered[t - start] = recent
        ordered.sort(axis=2)  # NaN last
        count = through[window + start : window + rows.stop] - through[start : rows.stop]
        low, high = _pick(ordered, np.maximum(count - 1, 0) // 2), _pick(ordered, count // 2)
        out[rows] = np.where((count > 0) & ever[rows], (low + high) / 2.0, np.nan)
    return out


def _pick(ordered: engine.FloatArray, place: npt.NDArray[np.int32]) -> engine.FloatArray:
    """The value at each cell's place of its window, from shape (T, N, window) to (T, N)."""
    last = ordered.shape[2] - 1
    found: engine.FloatArray = np.take_along_axis(
        ordered, np.minimum(place, last)[:, :, None], axis=2
    )
    return found[:, :, 0]


@lru_cache(maxsize=1)
def trailing_volatility(panel: engine.Panel, window: int) -> engine.FloatArray:
    """Standard deviation of daily returns over the `window` rows before t, shape (T, N).

    Missing returns are skipped; NaN with fewer than two.
    """
    T, N = panel.shape
    returns = np.vstack([np.full((window, N), np.nan), panel.returns])
    known = np.isfinite(returns)
    value = np.where(known, returns, 0.0)
    out = np.empty((T, N))
    step = max(CACHED // max(N, 1), 1)
    for start in range(0, T, step):
        rows = slice(start, min(start + step, T))
        before = [slice(rows.start + k, rows.stop + k) for k in range(window)]  # oldest first
        count, mean, squares = (np.zeros((rows.stop - rows.start, N)) for _ in range(3))
        for place in before:
            count += known[place]
            mean += value[place]
        mean /= np.maximum(count, 1.0)
        for place in before:
            squares += np.where(known[place], value[place] - mean, 0.0) ** 2
        deviation = np.sqrt(squares / np.maximum(count - 1.0, 1.0))
        out[rows] = np.where(count > 1.0, deviation, np.nan)
    return out
