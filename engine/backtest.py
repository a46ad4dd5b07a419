"""Weights → Returns: the account that a run would have had. Only this module imports vectorbt.

1. `engine.orders` puts each target on the bar that it is traded on, one bar after the decision.
2. The cost model prices orders of no size; vectorbt trades with these rates (first pass).
3. The cost model prices the orders of the first pass. Where that changes a rate (market
   impact), vectorbt trades again with the new rates (second pass). Impact is thus priced at
   the order sizes of the first pass, in the currency of the account before carry.
4. From vectorbt's order records: shares, cash and the value V of the account at each close,
   and the fees, split exactly by the components' rates. Delistings are paid out free of cost.
5. Carry (borrow fees, cash interest) comes from the weights held overnight, in return space:
   E[t] / E[t-1] = V[t] / V[t-1] + Σ carry[t]. It is reinvested pro rata, so that the weights
   are those of V.
6. net = E[t] / E[t-1] - 1, and gross = net + Σ costs: what every cost and carry took (or
   interest gave) is put back. Costs and turnover are fractions of the equity at t - 1.
7. On the first row with no equity left the account ends: it returns -1, then nothing.

vectorbt never borrows cash. Short proceeds pay for longs (1.5 / -0.5 works), sales go before
purchases, and a purchase that finds too little cash is cut without a word; the account
reports such cuts as `shortfall`. The part of an order above the cap of shares lapses.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.contracts import blamed
from engine.delisting import USUAL, Delisting, outcomes
from engine.errors import ConfigError, PluginError
from engine.kinds import Cost, option
from engine.orders import Orders, schedule
from engine.panel import FloatArray, Panel

log = logging.getLogger(__name__)

CASH_CUT = 0.01  # fraction of equity: smaller cuts are the fees of a fully invested account


@dataclass(frozen=True)
class Backtest:
    """How targets become trades.

    Parameters
    ----------
    initial_capital : float
        Equity before the first trade, in the currency of the prices.
    fill : {"close", "open"}
        Price of the next bar that orders are filled at.
    """

    initial_capital: float = option(1e6, "equity before the first trade", unit="currency", ge=1e-6)
    fill: str = option("close", "price of the next bar to fill at", choices=("close", "open"))

    def __post_init__(self) -> None:
        if self.fill not in ("close", "open"):
            raise ConfigError(f"backtest.fill: {self.fill!r} is unknown: write close or open")
        if not self.initial_capital > 0.0:
            raise ConfigError(
                f"backtest.initial_capital: {self.initial_capital} is not positive: write 1000000"
            )


@dataclass(frozen=True, eq=False)
class Account:
    """What became of the money, per date; every array is finite.

    Parameters
    ----------
    dates : pandas.DatetimeIndex, shape (T,)
    net, gross : float array, shape (T,)
        Simple returns after, and before, all costs and carry.
    equity : float array, shape (T,)
        Currency, at the close, after carry.
    realised : float array, shape (T, N)
        Weights held at the close, after trading, as fractions of equity.
    turnover : float array, shape (T,)
        Two-way: Σ |order value| over the equity of the day before.
    traded : float array, shape (T, N)
        |order value| over the equity of the day before; 0 without an order.
    costs : mapping of str to float array, shape (T,)
        By component, positive when paid (interest received is negative), as fractions of the
        equity of the day before.
    risk_free : float array, shape (T,)
        Simple returns of an account that is all in cash.
    gap : float array, shape (T,)
        Σ |weight filled - target| over the orders of the day, at the prices of the fill.
    shortfall : float array, shape (T,)
        Part of the purchases that found no cash, as a fraction of equity.
    target_leverage : float array, shape (T,)
        Σ |target| over the orders of the day; NaN on days without one.
    orders, pending, dropped, delistings : int
        Orders filled; targets that had to wait for a bar; targets for symbols that were
        gone; holdings paid out on delisting.
    bankrupt_on : pandas.Timestamp, optional
        The first date with no equity left.
    """

    dates: pd.DatetimeIndex
    net: FloatArray
    gross: FloatArray
    equity: FloatArray
    realised: FloatArray
    turnover: FloatArray
    traded: FloatArray
    costs: Mapping[str, FloatArray]
    risk_free: FloatArray
    gap: FloatArray
    shortfall: FloatArray
    target_leverage: FloatArray
    orders: int
    pending: int
    dropped: int
    delistings: int
    bankrupt_on: pd.Timestamp | None

    @property
    def long(self) -> FloatArray:
        """Σ of the positive weights, shape (T,)."""
        return _sum(np.maximum(self.realised, 0.0))

    @property
    def short(self) -> FloatArray:
        """Σ of the sizes of the negative weights, shape (T,), >= 0."""
        return _sum(np.maximum(-self.realised, 0.0))

    @property
    def leverage(self) -> FloatArray:
        """Long plus short, shape (T,)."""
        return self.long + self.short

    @property
    def exposure(self) -> FloatArray:
        """Long minus short, shape (T,)."""
        return self.long - self.short

    def frame(self) -> pd.DataFrame:
        """One row per date.

        Returns
        -------
        pandas.DataFrame
            ``timestamp`` (UTC), ``net``, ``gross``, ``equity``, ``turnover``, one
            ``cost_<component>`` each, ``risk_free``, ``long``, ``short`` (>= 0) and ``cash``
            (fraction of equity, with the proceeds of shorts).
        """
        alive = (self.equity > 0.0).astype(np.float64)
        columns = {
            "timestamp": self.dates,
            "net": self.net,
            "gross": self.gross,
            "equity": self.equity,
            "turnover": self.turnover,
            **{f"cost_{name}": paid for name, paid in self.costs.items()},
            "risk_free": self.risk_free,
            "long": self.long,
            "short": self.short,
            "cash": alive * (1.0 - self.exposure),
        }
        return pd.DataFrame(columns)


@dataclass(frozen=True, eq=False)
class _Fills:
    """vectorbt's order records as arrays: signed shares traded, shares held, cash."""

    flow: FloatArray  # (T, N) shares
    shares: FloatArray  # (T, N) shares after trading
    cash: FloatArray  # (T,) currency


def simulate(
    weights: FloatArray,
    panel: Panel,
    cost: Cost,
    config: Backtest,
    delisting: Delisting = USUAL,
) -> Account:
    """Trade target weights bar by bar and keep the account.

    Parameters
    ----------
    weights : float array, shape (T, N)
        Decided at each close, as fractions of equity, and traded on the next bar. 0 closes,
        NaN holds.
    panel : Panel
        The bars.
    cost : Cost
        What trading and holding cost.
    config : Backtest
        Capital and fills.
    delisting : Delisting
        When a name counts as delisted, and what its holders get.

    Returns
    -------
    Account

    Raises
    ------
    PluginError
        If the weights or the cost rates are not what their kinds promise.
    ConfigError
        If fills at the open are asked of bars that have none.
    """
    if weights.shape != panel.shape or np.isinf(weights).any():
        raise PluginError(
            f"weights must be finite or NaN and of shape {panel.shape}, not {weights.shape}: "
            "mend the portfolio plugin"
        )
    orders = schedule(
        weights,
        panel,
        fill=config.fill,
        ended=outcomes(panel, delisting),
        max_order=cost.max_order(panel),
    )
    capital = config.initial_capital
    rates = _rates(cost, panel, orders, np.zeros(panel.shape))
    fills = _trade(orders, rates, capital)
    sized = _rates(cost, panel, orders, np.abs(fills.flow) * orders.mark)
    if any(not np.array_equal(sized[name], rate) for name, rate in rates.items()):
        rates = sized
        fills = _trade(orders, rates, capital)
    return _book(orders, fills, rates, cost=cost, capital=capital, dates=panel.dates)


def _rates(cost: Cost, panel: Panel, orders: Orders, values: FloatArray) -> dict[str, FloatArray]:
    """Checked cost rates by component; the payment for a delisted symbol is not a trade."""
    rates = {}
    with blamed(f"costs {cost.name!r}"):
        made = cost.trading(panel, values)
    for name, rate in made.items():
        if rate.shape != panel.shape or not (np.isfinite(rate) & (rate >= 0.0)).all():
            raise PluginError(
                f"costs {cost.name!r}: the rate {name!r} must be finite, >= 0 and of shape "
                f"{panel.shape}: mend {type(cost).__name__}.trading"
            )
        rates[name] = np.where(orders.gone, 0.0, rate)
    return rates


def _trade(orders: Orders, rates: Mapping[str, FloatArray], capital: float) -> _Fills:
    """Let vectorbt trade; read shares and cash off its order records, which costs no time.

    Prices are finite everywhere: a held name without a price would make equity NaN.
    """
    import vectorbt as vbt  # slow to import, needed only here

    records = vbt.Portfolio.from_orders(
        orders.mark,
        size=orders.target,
        size_type="targetpercent",
        price=orders.mark,
        val_price=orders.mark,
        fees=sum(rates.values(), np.zeros(orders.target.shape)),
        max_size=orders.limit,
        init_cash=capital,
        group_by=True,
        cash_sharing=True,
        call_seq="auto",
        max_orders=max(int(np.isfinite(orders.target).sum()), 1),
        freq="1D",
        engine="auto",
    ).order_records
    rows, columns = records["idx"], records["col"]
    signed = np.where(records["side"] == 0, records["size"], -records["size"])
    flow = np.zeros(orders.target.shape)
    flow[rows, columns] = signed
    paid = np.bincount(rows, signed * records["price"] + records["fees"], minlength=len(flow))
    cash: FloatArray = capital - np.add.accumulate(paid)
    return _Fills(flow=flow, shares=np.cumsum(flow, axis=0), cash=cash)


def _book(
    orders: Orders,
    fills: _Fills,
    rates: Mapping[str, FloatArray],
    *,
    cost: Cost,
    capital: float,
    dates: pd.DatetimeIndex,
) -> Account:
    value = fills.cash + _sum(fills.shares * orders.close)
    before = np.concatenate([[capital], value[:-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        realised = fills.shares * orders.close / value[:, None]
        traded = np.where(orders.gone, 0.0, np.abs(fills.flow) * orders.mark) / before[:, None]
        carry = _carry(cost, realised, dates)
        net = value / before - 1.0 + sum(carry.values(), np.zeros(len(value)))
        gap, shortfall = _misses(orders, fills, capital)
    dead = np.flatnonzero((value <= 0.0) | (net <= -1.0))
    stop = int(dead[0]) if dead.size else len(net)
    net[stop : stop + 1] = -1.0
    counts = np.arange(len(net)) <= stop  # rows that count; the account ends on the last

    def kept(series: FloatArray) -> FloatArray:
        return np.where(counts, series, 0.0)

    paid = {name: kept(_sum(traded * rate)) for name, rate in rates.items()}
    costs = paid | {name: kept(-earned) for name, earned in carry.items()}
    net = kept(net)
    realised[stop:] = 0.0
    traded[~counts] = 0.0
    held = _previous(fills.shares) != 0.0
    pending = np.isfinite(orders.waiting) & (held | (orders.waiting != 0.0))
    equity: FloatArray = capital * np.multiply.accumulate(1.0 + net)
    _warn(kept(shortfall), dates)
    return Account(
        dates=dates,
        net=net,
        gross=net + sum(costs.values(), np.zeros(len(net))),
        equity=equity,
        realised=realised,
        turnover=kept(_sum(traded)),
        traded=traded,
        costs=costs,
        risk_free=sum(_carry(cost, np.zeros_like(realised), dates).values(), np.zeros(len(net))),
        gap=kept(gap),
        shortfall=kept(shortfall),
        target_leverage=_target_leverage(orders),
        orders=int(((fills.flow != 0.0) & ~orders.gone)[counts].sum()),
        pending=int(pending[counts].sum()),
        dropped=orders.dropped,
        delistings=int(((fills.flow != 0.0) & orders.gone)[counts].sum()),
        bankrupt_on=dates[stop] if stop < len(net) else None,
    )


def _carry(cost: Cost, realised: FloatArray, dates: pd.DatetimeIndex) -> dict[str, FloatArray]:
    """Contributions of holding to the returns, by component, shape (T,)."""
    days = np.zeros(len(dates))
    days[1:] = np.diff(dates.normalize().to_numpy()) / np.timedelta64(1, "D")
    with blamed(f"costs {cost.name!r}"):
        return dict(cost.carry(_previous(realised), days))


def _misses(orders: Orders, fills: _Fills, capital: float) -> tuple[FloatArray, FloatArray]:
    """Σ |filled - target|, and the part of it for which cash was missing, shape (T,) each."""
    before = _previous(fills.shares)
    cash = np.concatenate([[capital], fills.cash[:-1]])
    value = (cash + _sum(before * orders.mark))[:, None]
    weight = orders.mark / value
    target = np.where(orders.traded, orders.target, 0.0)
    gap = np.where(orders.traded, np.abs((before + fills.flow) * weight - target), 0.0)
    asked = np.minimum(target / weight - before, orders.limit)
    cut = np.where(orders.traded & (asked > 0.0), (asked - fills.flow) * weight, 0.0)
    return _sum(gap), _sum(np.maximum(cut, 0.0))


def _target_leverage(orders: Orders) -> FloatArray:
    size = _sum(np.where(orders.traded, np.abs(orders.target), 0.0))
    return np.where(orders.traded.any(axis=1), size, np.nan)


def _warn(shortfall: FloatArray, dates: pd.DatetimeIndex) -> None:
    days = int((shortfall > CASH_CUT).sum())
    if days:
        worst = int(np.argmax(shortfall))
        log.warning(
            "cash ran short on %d of %d days; at worst %.1f%% of equity was not bought, on %s: "
            "lower portfolio.gross or portfolio.net",
            days,
            len(dates),
            100.0 * shortfall[worst],
            dates[worst].date(),
        )


def _previous(array: FloatArray) -> FloatArray:
    """The rows one day later; zeros come first."""
    moved = np.zeros_like(array)
    moved[1:] = array[:-1]
    return moved


def _sum(array: FloatArray) -> FloatArray:
    total: FloatArray = array.sum(axis=1)
    return total
