"""Markets and costs for the account's tests, and a cost model's rates by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from builders import NAN, panel_of
from ledger import Day, Setting, fixed_targets, run

import engine
from engine.account.options import Backtest
from engine.bars.delisting import Delisting
from engine.plugins.costs.standard import Standard

THOUSAND = Backtest(initial_capital=1000.0)


@dataclass(frozen=True)
class Free(engine.Cost):
    """Nothing costs anything, unless said."""

    name: ClassVar[str] = "free"
    fee: float = 0.0
    interest: float = 0.0
    cap: float = 1e300  # shares: no cap

    def terms(self, panel: engine.Panel) -> Mapping[str, engine.Terms]:
        return {"fee": engine.Terms(fixed=self.fee)}

    def holding(self, panel: engine.Panel) -> Mapping[str, engine.Holding]:
        return {"cash": engine.Holding(cash=self.interest / 360.0)}

    def max_order(self, panel: engine.Panel) -> engine.FloatArray | None:
        return None if self.cap == np.inf else np.full(panel.shape, self.cap)


def random_panel(seed: int, length: int = 130, count: int = 9) -> engine.Panel:
    """Late listings, delistings, suspensions, missing opens and days without volume."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (length, count)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.005, close.shape))
    volume = rng.lognormal(9.0, 1.0, close.shape)
    volume[60:95, 5] = 0.0  # nothing may be traded for a while
    volume[rng.random(close.shape) < 0.03] = NAN
    open_[rng.random(close.shape) < 0.03] = NAN
    missing = rng.random(close.shape) < 0.03
    missing[:30, 0] = True  # listed late
    missing[70:, 1] = True  # delisted, mostly held long
    missing[50:, 2] = True  # delisted, mostly held short
    missing[-3:, 3] = True  # suspended to the end, not delisted
    missing[40:61, 4] = True  # suspended for a month
    for array in (close, open_, volume):
        array[missing] = NAN
    return panel_of(close, open=open_, volume=volume, delisting_return=np.full(close.shape, -0.3))


def random_weights(
    seed: int, shape: tuple[int, int], long: float = 1.5, short: float = 0.5
) -> engine.FloatArray:
    """Targets every third row, a fifth of them holds; names 2, 6, 8 mostly short."""
    rng = np.random.default_rng(seed + 1000)
    weights = np.full(shape, NAN)
    for t in range(5, shape[0], 3):
        size = rng.random(shape[1])
        side = np.where(np.isin(np.arange(shape[1]), [2, 6, 8]), -1.0, 1.0)
        side[rng.random(shape[1]) < 0.1] *= -1.0
        row = np.where(side > 0, size * long / max(size[side > 0].sum(), 1e-9), 0.0)
        row[side < 0] = -size[side < 0] * short / size[side < 0].sum()
        row[rng.random(shape[1]) < 0.15] = 0.0
        row[rng.random(shape[1]) < 0.2] = NAN
        weights[t] = row
    return weights


def by_hand(
    weights: Any,
    panel: engine.Panel,
    cost: Standard,
    config: Backtest,
    returned: float = 0.0,
    after: int = Delisting().after,
) -> list[Day]:
    """The books that the oracle keeps, with the standard rates worked out by pandas.

    `returned` is what holders of delisted names get, long or short.
    """
    shape, zero = panel.shape, np.zeros(panel.shape)
    close = panel.wide(panel["close"])
    dollars = panel.wide(panel["close"] * panel["volume"])
    usual = dollars.rolling(cost.impact_window, min_periods=1).median().shift(1)
    ever = (panel.wide(panel["volume"]) > 0.0).cummax().shift(1, fill_value=False)
    usual = usual.where(ever)
    moves = close.ffill().pct_change(fill_method=None).where(close.notna())
    volatility = moves.rolling(cost.impact_window, min_periods=2).std().shift(1)
    impact = (cost.impact_coefficient * volatility / np.sqrt(usual)).where(usual > 0.0).fillna(0.0)
    cap = np.full(shape, np.inf)
    if cost.max_participation is not None:
        shares = cost.max_participation * usual / close.ffill().shift(1)
        cap = shares.fillna(np.inf).to_numpy()
    flat = {
        "commission": cost.fees_bps / 1e4,
        "slippage": cost.slippage_bps / 1e4,
        "spread": cost.spread_bps / 2e4,
        "impact": 0.0,
    }
    setting = Setting(
        close=panel["close"],
        open=panel["open"] if "open" in panel else panel["close"],
        cap=cap,
        fixed={name: zero + rate for name, rate in flat.items()},
        coefficient={**dict.fromkeys(flat, zero), "impact": impact.to_numpy()},
        exponent=dict.fromkeys(flat, 0.5),
        carry_long=zero,
        carry_short=zero - cost.borrow_bps / 1e4 / 360.0,
        carry_cash=zero[:, 0] + cost.cash_rate / 360.0,
        days=np.r_[0.0, np.diff(panel.dates) / pd.Timedelta(days=1)],
        capital=config.initial_capital,
        fill=config.fill,
        after=after,
        r_long=[returned] * shape[1],
        r_short=[returned] * shape[1],
    )
    return run(setting, fixed_targets(weights))
