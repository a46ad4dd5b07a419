"""The account: compared day by day with one kept by hand, and with arithmetic on paper."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from ledger import Ledger, Terms

import engine
from engine.backtest import Backtest, simulate
from engine.delisting import Delisting
from plugins.costs.standard import Standard

SHARED = Path(os.environ.get("ALPHA_ENGINE_SHARED", Path(__file__).parents[3] / "shared"))
NAN = np.nan
COSTS = ("commission", "slippage", "spread", "impact", "borrow", "cash")


@dataclass(frozen=True)
class Free(engine.Cost):
    """Nothing costs anything, unless said."""

    name: ClassVar[str] = "free"
    fee: float = 0.0
    interest: float = 0.0

    def trading(self, panel, orders) -> Mapping[str, engine.FloatArray]:
        return {"fee": np.full(panel.shape, self.fee)}

    def carry(self, weights, days) -> Mapping[str, engine.FloatArray]:
        return {"cash": self.interest * (1.0 - weights.sum(axis=1)) * days / 360.0}


def panel_of(close, **fields):
    close = np.asarray(close, float)
    return engine.Panel(
        dates=pd.bdate_range("2020-01-01", periods=len(close), tz="UTC"),
        symbols=tuple("ABCDEFGHIJKLMNOP"[: close.shape[1]]),
        fields={"close": close, **{k: np.asarray(v, float) for k, v in fields.items()}},
    )


def random_panel(seed, length=130, count=9):
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


def random_weights(seed, shape, long=1.5, short=0.5):
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


def by_hand(weights, panel, cost, config):
    days = np.r_[0.0, np.diff(panel.dates) / pd.Timedelta(days=1)]
    terms = Terms(
        flat={
            "commission": cost.fees_bps / 1e4,
            "slippage": cost.slippage_bps / 1e4,
            "spread": cost.spread_bps / 2e4,
        },
        impact=cost.impact_coefficient,
        window=cost.impact_window,
        participation=cost.max_participation,
        borrow=cost.borrow_bps / 1e4,
        interest=cost.cash_rate,
        delisting=-0.3,  # stated by `random_panel`
        capital=config.initial_capital,
        fill=config.fill,
    )
    opens = panel["open"] if "open" in panel else panel["close"]
    return Ledger(weights, panel["close"], opens, panel["volume"], days, terms).run()


def assert_same_books(account, book):
    def same(ours, theirs, scale=1.0):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale)

    same(account.net, [day.net for day in book])
    same(
        account.equity / account.equity[0],
        np.cumprod([1 + d.net for d in book]) / (1 + book[0].net),
    )
    same(account.realised, np.array([day.held for day in book]))
    values = np.r_[1e6, [day.value for day in book]][:-1]
    same(account.turnover, [sum(day.traded) / v for day, v in zip(book, values, strict=True)])
    same(account.traded, [np.array(d.traded) / v for d, v in zip(book, values, strict=True)])
    for name in COSTS:
        theirs = [day.paid.get(name, 0.0) for day in book]
        np.testing.assert_allclose(account.costs[name], theirs, rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("fill", ["close", "open"])
@pytest.mark.parametrize("seed", range(4))
def test_the_books_agree_with_a_ledger_kept_by_hand(seed, fill):
    """Every cost on, 1.5 / -0.5, partial fills, suspensions, delistings, holds."""
    panel = random_panel(seed)
    weights = random_weights(seed, panel.shape)
    cost = Standard(cash_rate=0.02, borrow_bps=300.0, max_participation=0.3)
    config = Backtest(fill=fill)
    account = simulate(weights, panel, cost, config)
    assert_same_books(account, by_hand(weights, panel, cost, config))
    assert min(account.pending, account.delistings, account.dropped, account.orders) > 0
    assert account.costs["impact"].max() > 0.0
    assert account.gap.max() > 0.01  # the cap of participation bites


def test_the_books_agree_on_real_bars():
    path = SHARED / "data" / "us_liquid200_2014_2020.parquet"
    if not path.exists():
        pytest.skip(f"no real bars at {path}: set ALPHA_ENGINE_SHARED")
    frame = pd.read_parquet(path)
    frame = frame.rename(columns={"date": "timestamp", "ticker": "symbol"})
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
    names = sorted(frame["symbol"].astype(str).unique())[:24]
    frame = frame[frame["symbol"].astype(str).isin(names) & (frame["timestamp"] < "2015-01-01")]
    panel = engine.Panel.from_long(frame)
    weights = random_weights(7, panel.shape, long=0.5)
    cost = Standard(cash_rate=0.01)
    account = simulate(weights, panel, cost, Backtest())
    assert_same_books(account, by_hand(weights, panel, cost, Backtest()))


def test_a_weight_earns_from_the_bar_after_the_one_it_is_traded_on():
    close = [[100.0, 50.0], [110.0, 50.0], [121.0, 45.0], [133.1, 49.5]]
    weights = np.array([[0.5, -0.5], [NAN, NAN], [0.0, 0.0], [0.0, 0.0]])
    account = simulate(weights, panel_of(close), Free(), Backtest(initial_capital=1000.0))
    # bought 500 at 110 and sold 500 at 50; then 550 and 450, then 605 and 495
    np.testing.assert_allclose(account.equity, [1000.0, 1000.0, 1100.0, 1110.0])
    np.testing.assert_allclose(account.net, [0.0, 0.0, 0.1, 10.0 / 1100.0], atol=1e-15)
    np.testing.assert_allclose(account.turnover, [0.0, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(account.realised[2], [550.0 / 1100.0, -450.0 / 1100.0])
    np.testing.assert_allclose([account.long[2], account.short[2]], [0.5, 450.0 / 1100.0])


def test_without_costs_daily_weights_earn_w_times_r():
    rng = np.random.default_rng(3)
    panel = panel_of(100.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (60, 6)), axis=0)))
    weights = rng.normal(size=panel.shape)
    weights -= weights.mean(axis=1, keepdims=True)
    weights /= np.abs(weights).sum(axis=1, keepdims=True)
    account = simulate(weights, panel, Free(), Backtest())
    earned = np.zeros(60)
    earned[2:] = (weights[:-2] * panel.returns[2:]).sum(axis=1)
    np.testing.assert_allclose(account.net, earned, atol=1e-12)
    np.testing.assert_allclose(account.gross, account.net)
    np.testing.assert_allclose(account.gap, 0.0, atol=1e-9)


def test_fills_at_the_open_earn_from_the_open():
    panel = panel_of([[10.0], [12.0], [12.0]], open=[[10.0], [11.0], [12.0]])
    weights = np.array([[1.0], [NAN], [NAN]])
    account = simulate(weights, panel, Free(), Backtest(fill="open"))
    np.testing.assert_allclose(account.net, [0.0, 12.0 / 11.0 - 1.0, 0.0])


def test_fills_at_the_open_without_opens_are_refused():
    with pytest.raises(engine.ConfigError, match=r"backtest\.fill=close"):
        simulate(np.zeros((2, 1)), panel_of([[1.0], [2.0]]), Free(), Backtest(fill="open"))


def test_one_and_a_half_long_half_short_is_filled():
    close = np.full((4, 4), 10.0)
    weights = np.tile([0.75, 0.75, -0.25, -0.25], (4, 1))
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[1:], weights[1:])
    np.testing.assert_allclose(account.leverage[1:], 2.0)
    np.testing.assert_allclose(account.exposure[1:], 1.0)
    np.testing.assert_allclose(account.target_leverage, [NAN, 2.0, 2.0, 2.0])


def test_sales_pay_for_purchases_across_holds():
    """A purchase finds the cash of a sale further down, past a name that is held."""
    close = np.full((4, 3), 10.0)
    weights = np.array([[0.0, 0.2, 0.8], [0.8, NAN, 0.0], [NAN] * 3, [NAN] * 3])
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[2], [0.8, 0.2, 0.0], atol=1e-12)


def test_leverage_without_shorts_is_cut_and_said(caplog):
    close = np.full((3, 2), 10.0)
    weights = np.tile([0.75, 0.75], (3, 1))
    with caplog.at_level(logging.WARNING):
        account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.shortfall[1:], 0.5)
    np.testing.assert_allclose(account.gap[1:], 0.5)
    assert "cash ran short on 2 of 3 days; at worst 50.0% of equity" in caplog.text


def test_nan_holds_and_zero_closes():
    close = [[10.0, 10.0], [10.0, 10.0], [20.0, 10.0], [20.0, 10.0], [20.0, 10.0]]
    weights = np.array([[0.5, 0.5], [NAN, 0.0], [NAN, NAN], [0.0, NAN], [NAN, NAN]])
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[1], [0.5, 0.5])
    np.testing.assert_allclose(account.realised[2], [1.0 / 1.5, 0.0])
    np.testing.assert_allclose(account.realised[3], [1.0 / 1.5, 0.0])
    np.testing.assert_allclose(account.realised[4], [0.0, 0.0], atol=1e-15)


def test_an_order_waits_through_a_suspension_and_the_newest_wins():
    close = [[10.0], [NAN], [NAN], [10.0], [10.0]]
    weights = np.array([[0.9], [0.3], [NAN], [NAN], [NAN]])
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[:, 0], [0.0, 0.0, 0.0, 0.3, 0.3])
    assert account.pending == 2


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_delisting_pays_its_return_once_and_free_of_cost(side):
    close = np.full((12, 2), 10.0)
    close[4:, 0] = NAN
    weights = np.full((12, 2), NAN)
    weights[0] = [side * 0.5, 0.0]
    weights[6] = [0.4, 0.0]  # too late
    cost, delisting = Free(fee=0.01), Delisting(long_return=-0.3, short_return=0.1)
    account = simulate(weights, panel_of(close), cost, Backtest(), delisting)
    held = account.realised[3, 0]
    np.testing.assert_allclose(account.net[4], (-0.3 if side > 0.0 else 0.1) * held)
    np.testing.assert_allclose(account.net[5:], 0.0, atol=1e-15)
    np.testing.assert_allclose(account.realised[4:], 0.0, atol=1e-12)
    assert account.costs["fee"][4:].sum() == 0.0
    assert (account.delistings, account.dropped, account.orders) == (1, 1, 1)


def test_a_short_is_settled_on_delisting_even_when_all_cash_is_invested():
    close = np.full((14, 3), 10.0)
    close[4:, 2] = NAN
    weights = np.full((14, 3), NAN)
    weights[0] = [0.75, 0.75, -0.5]
    weights[7] = [0.5, 0.5, NAN]
    stated = panel_of(close, delisting_return=np.full(close.shape, -0.3))
    account = simulate(weights, stated, Free(), Backtest())
    np.testing.assert_allclose(account.net[4], 0.15)
    np.testing.assert_allclose(account.realised[8], [0.5, 0.5, 0.0], atol=1e-12)


def test_a_symbol_that_stops_shortly_before_the_end_is_suspended():
    close = np.full((8, 1), 10.0)
    close[5:] = NAN
    weights = np.full((8, 1), 0.5)
    delisting = Delisting(long_return=-0.3)
    account = simulate(weights, panel_of(close), Free(), Backtest(), delisting)
    np.testing.assert_allclose(account.net, 0.0)
    assert (account.delistings, account.dropped, account.pending) == (0, 0, 3)
    sooner = simulate(weights, panel_of(close), Free(), Backtest(), replace(delisting, after=3))
    assert sooner.net[5] == pytest.approx(-0.15)


def test_a_worthless_delisting_loses_everything_held():
    close = np.full((8, 1), 10.0)
    close[3:] = NAN
    account = simulate(
        np.full((8, 1), 0.5), panel_of(close), Free(), Backtest(), Delisting(long_return=-1.0)
    )
    assert account.net[3] == pytest.approx(-0.5)
    assert account.bankrupt_on is None


def test_bankruptcy_ends_the_account():
    close = [[10.0, 10.0], [10.0, 10.0], [25.0, 10.0], [5.0, 20.0], [5.0, 30.0]]
    weights = np.tile([-1.0, 1.0], (5, 1))
    account = simulate(weights, panel_of(close), Free(fee=0.001), Backtest())
    assert account.bankrupt_on == account.dates[2]
    np.testing.assert_allclose(account.net[2:], [-1.0, 0.0, 0.0])
    np.testing.assert_allclose(account.equity[2:], 0.0)
    ended = (account.realised, account.traded, account.turnover, account.gross)
    for series in (*ended, account.costs["fee"]):
        assert not np.any(series[3:])
    frame = account.frame()
    assert np.isfinite(frame.drop(columns="timestamp").to_numpy()).all()
    assert frame["cash"].tolist()[2:] == [0.0, 0.0, 0.0]


def test_gross_is_net_with_every_cost_put_back():
    panel = random_panel(11)
    account = simulate(random_weights(11, panel.shape), panel, Standard(cash_rate=0.03), Backtest())
    total = sum(account.costs.values())
    np.testing.assert_allclose(account.gross - total, account.net, atol=1e-15)
    assert account.costs["cash"].min() < 0.0 < account.costs["borrow"].max()


def test_carry_is_paid_for_calendar_days_on_what_was_held_overnight():
    panel = panel_of(np.full((4, 1), 10.0))  # Wednesday to Friday, then Monday
    weights = np.array([[0.5], [NAN], [NAN], [NAN]])
    account = simulate(weights, panel, Free(interest=0.036), Backtest())
    np.testing.assert_allclose(account.net, [0.0, 1e-4, 0.5e-4, 1.5e-4], rtol=1e-9)
    np.testing.assert_allclose(account.costs["cash"], -account.net)
    np.testing.assert_allclose(account.realised[1:, 0], 0.5)


def test_the_frame_names_every_cost():
    account = simulate(np.zeros((2, 1)), panel_of([[1.0], [2.0]]), Standard(), Backtest())
    columns = ["timestamp", "net", "gross", "equity", "turnover"]
    columns += [f"cost_{name}" for name in COSTS] + ["risk_free", "long", "short", "cash"]
    assert list(account.frame()) == columns
    assert account.frame()["cash"].tolist() == [1.0, 1.0]


def test_what_comes_later_changes_nothing_before():
    panel = random_panel(5)
    weights = random_weights(5, panel.shape)
    full = simulate(weights, panel, Standard(), Backtest())
    later = np.array(panel["close"])
    later[100:] *= 1.5
    moved = simulate(weights, panel.with_fields({"close": later}), Standard(), Backtest())
    np.testing.assert_array_equal(full.net[:100], moved.net[:100])
    assert not np.allclose(full.net[100:], moved.net[100:])


def test_the_order_of_symbols_does_not_matter():
    panel = random_panel(6)
    weights = random_weights(6, panel.shape)
    order = np.random.default_rng(0).permutation(panel.shape[1])
    ours = simulate(weights, panel, Standard(), Backtest())
    theirs = simulate(weights[:, order], panel.take(order), Standard(), Backtest())
    np.testing.assert_allclose(theirs.net, ours.net, atol=1e-10)
    np.testing.assert_allclose(theirs.realised, ours.realised[:, order], atol=1e-9)


@pytest.mark.parametrize("weights", [np.zeros((3, 1)), np.array([[np.inf], [0.0]])])
def test_weights_out_of_shape_or_infinite_are_refused(weights):
    with pytest.raises(engine.PluginError, match="weights must be finite or NaN"):
        simulate(weights, panel_of([[1.0], [2.0]]), Free(), Backtest())


@pytest.mark.parametrize("fee", [-0.1, NAN])
def test_rates_that_are_no_rates_are_refused(fee):
    with pytest.raises(engine.PluginError, match="'fee' must be finite, >= 0"):
        simulate(np.zeros((2, 1)), panel_of([[1.0], [2.0]]), Free(fee=fee), Backtest())


@pytest.mark.parametrize(("field", "value"), [("fill", "vwap"), ("initial_capital", 0.0)])
def test_a_config_that_cannot_be_run_names_its_key(field, value):
    with pytest.raises(engine.ConfigError, match=f"backtest.{field}"):
        replace(Backtest(), **{field: value})
