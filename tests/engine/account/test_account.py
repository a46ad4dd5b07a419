"""The account: compared day by day with one kept by hand, and with arithmetic on paper."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import NAN, panel_of
from ledger import returns
from markets import THOUSAND, Free, by_hand, random_panel, random_weights

import engine
from engine.account import simulate
from engine.account.options import Backtest
from engine.bars.delisting import Delisting
from engine.plugins.costs.standard import Standard

TRADING = ("commission", "slippage", "spread", "impact")


def assert_same_books(account, days, panel, config, cost):
    """Equity, returns, what is held and traded, what was paid and earned, within 1e-9."""
    capital = config.initial_capital
    equity = np.array([day.equity for day in days])
    before = np.r_[capital, equity[:-1]]

    def same(ours, theirs, scale=1.0):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * scale)

    same(account.equity, equity, capital)
    same(account.net, returns(days, capital))
    mark = panel.wide(panel["close"]).ffill().fillna(1.0).to_numpy()
    held = np.array([day.shares for day in days]) * mark
    same(account.realised, held / equity[:, None])
    flow, price = (np.array([getattr(day, name) for day in days]) for name in ("flow", "price"))
    paid_out = np.zeros(flow.shape, bool)
    for row in account.payouts.itertuples():
        at = panel.dates.get_loc(row.timestamp), panel.symbols.index(row.symbol)
        same(row.shares, -flow[at])
        same(row.payout, price[at])
        paid_out[at] = True
    traded = np.where(paid_out, 0.0, np.abs(flow) * price) / before[:, None]
    same(account.traded, traded)
    same(account.turnover, traded.sum(axis=1))
    for name in TRADING:
        same(account.costs[name], np.array([day.paid[name] for day in days]) / before)
    short = np.r_[0.0, np.minimum(held, 0.0).sum(axis=1)[:-1]]
    cash = np.r_[capital, [day.cash for day in days][:-1]]
    nights = np.r_[0.0, np.diff(panel.dates) / pd.Timedelta(days=1)] / 360.0 / before
    same(account.costs["borrow"], -short * cost.borrow_bps / 1e4 * nights)
    same(account.interest, cash * cost.cash_rate * nights)
    same(account.interest - account.costs["borrow"], [d.carry for d in days] / before)
    same(account.risk_free, cost.cash_rate * nights * before)
    assert len(account.orders) == ((flow != 0.0) & ~paid_out).sum()


@pytest.mark.parametrize("fill", ["close", "open"])
@pytest.mark.parametrize("seed", range(4))
def test_the_books_agree_with_a_ledger_kept_by_hand(seed, fill):
    """Every cost on, 1.5 / -0.5, partial fills, suspensions, delistings, holds."""
    panel = random_panel(seed)
    weights = random_weights(seed, panel.shape)
    cost = Standard(cash_rate=0.02, borrow_bps=300.0, max_participation=0.3)
    config = Backtest(fill=fill)
    account = simulate(weights, panel, cost, config)
    days = by_hand(weights, panel, cost, config, returned=-0.3)
    assert_same_books(account, days, panel, config, cost)
    assert min(account.pending, len(account.payouts), account.dropped, len(account.orders)) > 0
    assert account.costs["impact"].max() > 0.0
    assert account.unfilled["cap"].max() > 0.01  # the cap of participation bites
    assert account.unfilled["suspension"].max() > 0.0


def test_the_books_agree_on_real_bars(shared):
    frame = pd.read_parquet(shared("data/us_liquid200_2014_2020.parquet"))
    frame = frame.rename(columns={"date": "timestamp", "ticker": "symbol"})
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True)
    names = sorted(frame["symbol"].astype(str).unique())[:24]
    frame = frame[frame["symbol"].astype(str).isin(names) & (frame["timestamp"] < "2015-01-01")]
    panel = engine.Panel.from_long(frame)
    weights = random_weights(7, panel.shape, long=0.5)
    cost, config = Standard(cash_rate=0.01), Backtest(initial_capital=1e8)
    account = simulate(weights, panel, cost, config)
    assert_same_books(account, by_hand(weights, panel, cost, config), panel, config, cost)
    assert account.costs["impact"].max() > 1e-5


def test_a_weight_earns_from_the_bar_after_the_one_it_is_traded_on():
    close = [[100.0, 50.0], [110.0, 50.0], [121.0, 45.0], [133.1, 49.5]]
    weights = np.array([[0.5, -0.5], [NAN, NAN], [0.0, 0.0], [0.0, 0.0]])
    account = simulate(weights, panel_of(close), Free(), THOUSAND)
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
    np.testing.assert_allclose(account.realised[1:], weights[:-1], atol=1e-12)
    for cause, part in account.unfilled.items():
        np.testing.assert_array_equal(part, 0.0, err_msg=cause)


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
    np.testing.assert_allclose(account.long[1:], 1.5)
    np.testing.assert_allclose(account.short[1:], 0.5)
    np.testing.assert_allclose(account.asked, [0.0, 2.0, 0.0, 0.0], atol=1e-12)


def test_sales_pay_for_purchases_across_holds():
    """A purchase finds the cash of a sale further down, past a name that is held."""
    close = np.full((4, 3), 10.0)
    weights = np.array([[0.0, 0.2, 0.8], [0.8, NAN, 0.0], [NAN] * 3, [NAN] * 3])
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[2], [0.8, 0.2, 0.0], atol=1e-12)


def test_a_row_lists_its_orders_with_what_they_paid():
    """Sells 500 of B short for 495, buys 500 of A for 505; a hundredth each."""
    weights = np.array([[0.5, -0.5], [NAN, NAN]])
    panel = panel_of(np.full((2, 2), 10.0))
    orders = simulate(weights, panel, Free(fee=0.01), THOUSAND).orders
    expected = pd.DataFrame(
        {
            "timestamp": panel.dates[[1, 1]],
            "symbol": pd.Categorical(["A", "B"]),
            "shares": [50.0, -50.0],
            "price": [10.0, 10.0],
            "rate": [0.01, 0.01],
        }
    )
    pd.testing.assert_frame_equal(orders, expected)


def test_purchases_beyond_the_cash_are_cut_alike_and_told():
    close = np.full((3, 2), 10.0)
    weights = np.tile([0.9, 0.6], (3, 1))
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[1:], [[0.6, 0.4]] * 2)
    np.testing.assert_allclose(account.short_of_cash, [0.0, 0.5, 0.5])
    # the same half is asked for twice, and at the end it is not there
    np.testing.assert_allclose(account.asked, [0.0, 1.5, 0.0], atol=1e-15)
    np.testing.assert_allclose(account.unfilled["cash"], [0.0, 0.0, 0.5], atol=1e-15)


@pytest.mark.parametrize(
    ("decided", "held", "asked", "lost"),
    [
        ([0.5, NAN, NAN, NAN], [0.0, 0.3, 0.3, 0.3], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.2]),
        ([0.5, 0.5, NAN, NAN], [0.0, 0.3, 0.5, 0.5], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
        ([0.5, 0.4, NAN, NAN], [0.0, 0.3, 0.4, 0.4], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 0.1, 0.0]),
        ([0.5, 0.2, NAN, NAN], [0.0, 0.3, 0.2, 0.2], [0.0, 0.5, 0.1, 0.0], [0.0, 0.0, 0.2, 0.0]),
    ],
)
def test_what_the_cap_cuts_is_lost_unless_it_is_asked_for_again(decided, held, asked, lost):
    """30 shares at most, 0.3 of the account; no order is left of what was cut."""
    panel = panel_of(np.full((4, 1), 10.0))
    account = simulate(np.array(decided)[:, None], panel, Free(cap=30.0), THOUSAND)
    np.testing.assert_allclose(account.realised[:, 0], held)
    np.testing.assert_allclose(account.asked, asked, atol=1e-12)
    np.testing.assert_allclose(account.unfilled["cap"], lost, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_what_was_decided_was_traded_or_was_not_filled_for_a_cause(seed):
    """With prices that stand still, to the last cent: caps, suspensions, delistings, thin cash."""
    rng = np.random.default_rng(seed)
    close = np.where(rng.random((40, 5)) < 0.4, NAN, 10.0)
    close[20:, 4] = NAN
    weights = np.where(rng.random((40, 5)) < 0.3, rng.normal(0.2, 0.4, (40, 5)), NAN)
    account = simulate(weights, panel_of(close), Free(cap=20.0), THOUSAND)
    np.testing.assert_allclose(account.equity, 1000.0)
    lost = {cause: part.sum() for cause, part in account.unfilled.items()}
    assert min(lost.values()) >= 0.0
    assert min(lost["cap"], lost["suspension"]) > 0.0
    assert account.turnover.sum() + sum(lost.values()) == pytest.approx(account.asked.sum())


def test_names_that_were_decided_and_never_traded_are_named():
    """B has no bar after the first, C is closed without being held, D trades."""
    close = np.full((4, 4), 10.0)
    close[1:, 1] = NAN
    weights = np.array([[NAN, 0.2, 0.0, 0.2]] + [[NAN] * 4] * 3)
    account = simulate(weights, panel_of(close), Free(), Backtest())
    assert account.never_traded == ("B",)
    # its order waits to the end
    np.testing.assert_allclose(account.unfilled["suspension"], [0.0, 0.0, 0.0, 0.2])


def test_nan_holds_and_zero_closes():
    close = [[10.0, 10.0], [10.0, 10.0], [20.0, 10.0], [20.0, 10.0], [20.0, 10.0]]
    weights = np.array([[0.5, 0.5], [NAN, 0.0], [NAN, NAN], [0.0, NAN], [NAN, NAN]])
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[1], [0.5, 0.5])
    np.testing.assert_allclose(account.realised[2], [1.0 / 1.5, 0.0])
    np.testing.assert_allclose(account.realised[3], [1.0 / 1.5, 0.0])
    np.testing.assert_array_equal(account.realised[4], [0.0, 0.0])


def test_an_order_waits_through_a_suspension_and_the_newest_wins():
    close = [[10.0], [NAN], [NAN], [10.0], [10.0]]
    weights = np.array([[0.9], [0.3], [NAN], [NAN], [NAN]])
    account = simulate(weights, panel_of(close), Free(), Backtest())
    np.testing.assert_allclose(account.realised[:, 0], [0.0, 0.0, 0.0, 0.3, 0.3])
    assert account.pending == 2
    # 0.9 was decided, and 0.3 of it is still wanted when 0.6 lapses
    np.testing.assert_allclose(account.asked, [0.0, 0.9, 0.0, 0.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(account.unfilled["suspension"], [0.0, 0.0, 0.6, 0.0, 0.0])


@pytest.mark.parametrize("bad", [0.0, -2.0])
def test_a_bar_at_no_price_is_marked_and_not_traded(bad):
    """50 shares are worth 50 × the price on row 2; the sale waits for the 10 of row 3."""
    weights = np.array([[0.5], [0.0], [NAN], [NAN]])
    account = simulate(weights, panel_of([[10.0], [10.0], [bad], [10.0]]), Free(), THOUSAND)
    np.testing.assert_allclose(account.equity, [1000.0, 1000.0, 500.0 + 50.0 * bad, 1000.0])
    assert account.pending == 1
    assert account.orders["shares"].tolist() == [50.0, -50.0]
    assert account.orders["price"].tolist() == [10.0, 10.0]


@pytest.mark.parametrize(("side", "payout"), [(1.0, 7.0), (-1.0, 11.0)])
def test_a_delisting_pays_its_return_once_and_free_of_cost(side, payout):
    """The last bar is that of row 3; five rows later that is known, and paid."""
    close = np.full((12, 2), 10.0)
    close[4:, 0] = NAN
    weights = np.full((12, 2), NAN)
    weights[0] = [side * 0.5, 0.0]
    weights[9] = [0.4, 0.0]  # too late
    cost, delisting = Free(fee=0.01), Delisting(long_return=-0.3, short_return=0.1)
    panel = panel_of(close)
    account = simulate(weights, panel, cost, Backtest(), delisting)
    held = account.realised[3, 0]
    np.testing.assert_array_equal(account.realised[4:8, 0], held)
    assert held * side > 0.49
    loss = abs(payout / 10.0 - 1.0) * abs(held)
    expected = np.where(np.arange(12) == 8, loss, 0.0)
    np.testing.assert_allclose(account.delisting, expected, atol=1e-15)
    np.testing.assert_allclose(account.net[4:], -expected[4:], atol=1e-15)
    np.testing.assert_allclose(account.gross[4:], 0.0, atol=1e-15)
    np.testing.assert_array_equal(account.realised[8:], 0.0)
    assert account.costs["fee"][4:].sum() == 0.0
    assert (account.dropped, len(account.orders)) == (1, 1)
    (paid,) = account.payouts.itertuples(index=False)
    assert (paid.timestamp, paid.symbol) == (panel.dates[8], "A")
    assert (paid.shares, paid.last_close) == (account.orders["shares"][0], 10.0)
    assert paid.payout == pytest.approx(payout)
    assert paid.contribution == pytest.approx(-loss)


def test_a_gain_on_a_delisting_is_no_loss_on_another():
    """A pays 14 of 10 and B 5 of 10: stated by the source; a quarter is held of each."""
    close = np.full((10, 2), 10.0)
    close[3:] = NAN
    stated = np.tile([0.4, -0.5], (10, 1))
    weights = np.full((10, 2), 0.25)
    account = simulate(weights, panel_of(close, delisting_return=stated), Free(), Backtest())
    assert account.net[7] == pytest.approx(0.1 - 0.125)
    assert account.delisting[7] == pytest.approx(0.125)
    assert account.gross[7] == pytest.approx(0.1)
    np.testing.assert_allclose(account.payouts["contribution"], [0.1, -0.125])


def test_a_short_is_settled_on_delisting_even_when_all_cash_is_invested():
    close = np.full((14, 3), 10.0)
    close[4:, 2] = NAN
    weights = np.full((14, 3), NAN)
    weights[0] = [0.75, 0.75, -0.5]
    weights[7] = [0.5, 0.5, NAN]
    stated = panel_of(close, delisting_return=np.full(close.shape, -0.3))
    account = simulate(weights, stated, Free(), Backtest())
    np.testing.assert_allclose(account.net[8], 0.15)
    np.testing.assert_allclose(account.realised[8], [0.5, 0.5, 0.0], atol=1e-12)


def test_a_symbol_that_stops_shortly_before_the_end_is_suspended():
    close = np.full((8, 1), 10.0)
    close[5:] = NAN
    weights = np.full((8, 1), 0.5)
    delisting = Delisting(long_return=-0.3)
    account = simulate(weights, panel_of(close), Free(), Backtest(), delisting)
    np.testing.assert_allclose(account.net, 0.0)
    assert (len(account.payouts), account.dropped, account.pending) == (0, 0, 3)
    sooner = simulate(weights, panel_of(close), Free(), Backtest(), replace(delisting, after=3))
    np.testing.assert_allclose(sooner.net, [0.0] * 7 + [-0.15])
    assert (len(sooner.payouts), sooner.dropped, sooner.pending) == (1, 1, 2)


def test_a_worthless_delisting_pays_a_billionth_of_the_last_close():
    close = np.full((8, 1), 10.0)
    close[3:] = NAN
    worthless = Delisting(long_return=-1.0)
    account = simulate(np.full((8, 1), 0.5), panel_of(close), Free(), Backtest(), worthless)
    assert account.net[7] == pytest.approx(-0.5)
    assert account.payouts["payout"].tolist() == [1e-8]
    assert account.bankrupt_on is None


def test_bankruptcy_ends_the_account():
    close = [[10.0, 10.0], [10.0, 10.0], [25.0, 10.0], [5.0, 20.0], [5.0, 30.0]]
    weights = np.tile([-1.0, 1.0], (5, 1))
    account = simulate(weights, panel_of(close), Free(fee=0.001), Backtest())
    assert account.bankrupt_on == account.dates[2]
    np.testing.assert_allclose(account.net[2:], [-1.0, 0.0, 0.0])
    np.testing.assert_allclose(account.equity[2:], 0.0)
    ended = (account.realised, account.traded, account.turnover, account.gross)
    for series in (*ended, account.costs["fee"], account.interest, account.delisting):
        assert not np.any(series[3:])
    frame = account.frame()
    assert np.isfinite(frame.drop(columns="timestamp").to_numpy()).all()
    assert frame["cash"].tolist()[2:] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("fill", ["close", "open"])
def test_a_short_that_opens_at_five_times_its_price_is_a_ruin_on_that_row(fill):
    """1000 + 500 of proceeds, against 50 shares at 50: nothing is left to close them with."""
    close = [[10.0], [10.0], [50.0 if fill == "close" else 12.0], [12.0]]
    panel = panel_of(close, open=[[10.0], [10.0], [50.0], [12.0]])
    weights = np.array([[-0.5], [0.0], [NAN], [NAN]])
    account = simulate(weights, panel, Free(), replace(THOUSAND, fill=fill))
    assert account.bankrupt_on == panel.dates[2]
    assert account.net.tolist() == [0.0, 0.0, -1.0, 0.0]
    assert account.equity.tolist() == [1000.0, 1000.0, 0.0, 0.0]
    assert account.orders["shares"].tolist() == [-50.0]
    assert account.pending == 0


def test_gross_is_net_with_every_cost_put_back():
    panel = random_panel(11)
    account = simulate(random_weights(11, panel.shape), panel, Standard(cash_rate=0.03), Backtest())
    taken = sum(account.costs.values()) + account.delisting
    np.testing.assert_allclose(account.gross - taken, account.net, atol=1e-15)
    assert (account.gross >= account.net).all()
    assert sorted(account.costs) == sorted([*TRADING, "borrow"])
    assert min(cost.min() for cost in account.costs.values()) == 0.0
    assert account.interest.max() > 0.0
    assert account.delisting.max() > 0.0


def test_interest_is_booked_in_cash_for_calendar_days():
    """A hundredth of a percent a day on 1000, then on 500.05 that grows; a weekend counts three."""
    panel = panel_of(np.full((4, 1), 10.0))  # Wednesday to Friday, then Monday
    weights = np.array([[0.5], [NAN], [NAN], [NAN]])
    account = simulate(weights, panel, Free(interest=0.036), THOUSAND)
    cash = 500.05 * 1.0001
    expected = [1000.0, 1000.1, 500.05 + cash, 500.05 + cash * 1.0003]
    np.testing.assert_allclose(account.equity, expected, rtol=1e-14)
    np.testing.assert_allclose(account.interest, account.net, atol=1e-16)
    np.testing.assert_array_equal(account.gross, account.net)
    np.testing.assert_allclose(account.risk_free, [0.0, 1e-4, 1e-4, 3e-4])
    assert "cash" not in account.costs
    np.testing.assert_allclose(account.realised[1:, 0], 500.05 / np.array(expected[1:]))


def test_borrow_is_booked_in_cash_on_the_value_of_shorts():
    """50 shares short, worth 500, 600 and 500 at the closes; 1e-4 a day, over a weekend at last."""
    panel = panel_of([[10.0], [10.0], [12.0], [10.0]])
    weights = np.array([[-0.5], [NAN], [NAN], [NAN]])
    cost = Standard(0.0, 0.0, 0.0, impact_coefficient=0.0, borrow_bps=360.0)
    account = simulate(weights, panel, cost, THOUSAND)
    np.testing.assert_allclose(account.equity, [1000.0, 1000.0, 899.95, 899.95 + 100.0 - 0.18])
    np.testing.assert_allclose(account.costs["borrow"], [0.0, 0.0, 0.05 / 1000.0, 0.18 / 899.95])
    np.testing.assert_allclose(account.gross[1:], [0.0, -0.1, 100.0 / 899.95], atol=1e-15)


def test_the_frame_names_every_cost():
    account = simulate(np.zeros((2, 1)), panel_of([[1.0], [2.0]]), Standard(), Backtest())
    columns = ["timestamp", "net", "gross", "equity", "turnover"]
    columns += [f"cost_{name}" for name in (*TRADING, "borrow")]
    columns += ["delisting", "interest", "risk_free", "long", "short", "cash"]
    frame = account.frame()
    assert sorted(frame) == sorted(columns)
    assert [c for c in frame if not c.startswith("cost_")] == [
        c for c in columns if not c.startswith("cost_")
    ]
    assert frame["cash"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("weight", [NAN, 0.5])
def test_all_numbers_are_floats_with_orders_and_delistings_and_without(weight):
    close = np.full((9, 1), 10.0)
    close[2:] = NAN if weight == 0.5 else 10.0
    account = simulate(np.full((9, 1), weight), panel_of(close), Standard(), Backtest())
    assert len(account.orders) == len(account.payouts) == (1 if weight == 0.5 else 0)
    numbers = account.frame().drop(columns="timestamp")
    assert set(numbers.dtypes) == {np.dtype("float64")}
    for table in (account.orders, account.payouts):
        assert set(table.drop(columns=["timestamp", "symbol"]).dtypes) == {np.dtype("float64")}
        assert str(table["timestamp"].dtype) == str(account.dates.dtype)


def test_what_comes_later_changes_nothing_before():
    panel = random_panel(5)
    weights = random_weights(5, panel.shape)
    full = simulate(weights, panel, Standard(), Backtest())
    later = np.array(panel["close"])
    later[100:] *= 1.5
    moved = simulate(weights, panel.with_fields({"close": later}), Standard(), Backtest())
    np.testing.assert_array_equal(full.net[:100], moved.net[:100])
    assert not np.allclose(full.net[100:], moved.net[100:])


def test_the_order_of_symbols_changes_no_bit():
    panel = random_panel(6)
    weights = random_weights(6, panel.shape)
    order = np.random.default_rng(0).permutation(panel.shape[1])
    ours = simulate(weights, panel, Standard(), Backtest())
    theirs = simulate(weights[:, order], panel.take(order), Standard(), Backtest())
    assert theirs.net.tobytes() == ours.net.tobytes()
    np.testing.assert_array_equal(theirs.realised, ours.realised[:, order])
    assert theirs.symbols == tuple(ours.symbols[i] for i in order)
    pd.testing.assert_frame_equal(theirs.frame(), ours.frame(), check_exact=True)


@pytest.mark.parametrize("weights", [np.zeros((3, 1)), np.array([[np.inf], [0.0]])])
def test_weights_out_of_shape_or_infinite_are_refused(weights):
    with pytest.raises(engine.PluginError, match="weights must be finite or NaN"):
        simulate(weights, panel_of([[1.0], [2.0]]), Free(), Backtest())


@pytest.mark.parametrize(
    ("field", "value"), [("fill", "vwap"), ("initial_capital", 0.0), ("engine", "slow")]
)
def test_a_config_that_cannot_be_run_names_its_key(field, value):
    with pytest.raises(engine.ConfigError, match=f"backtest.{field}"):
        replace(Backtest(), **{field: value})
