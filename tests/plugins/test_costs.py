"""Cost rates against arithmetic on paper and pandas."""

import logging

import numpy as np
import pandas as pd
import pytest

import engine
from plugins.costs import Standard, register_costs

NAN = np.nan


def panel_of(close, volume=None):
    close = np.asarray(close, float)
    fields = {"close": close}
    if volume is not None:
        fields["volume"] = np.asarray(volume, float)
    return engine.Panel(
        dates=pd.bdate_range("2024-01-01", periods=len(close), tz="UTC"),
        symbols=tuple("ABCDEFGH"[: close.shape[1]]),
        fields=fields,
    )


def walk(seed=0, shape=(60, 5)):
    rng = np.random.default_rng(seed)
    close = 20.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    volume = rng.lognormal(10.0, 1.0, shape)
    close[rng.random(shape) < 0.1] = NAN
    volume[rng.random(shape) < 0.1] = NAN
    return panel_of(close, volume)


def test_the_room_lists_its_costs():
    assert [cls.name for cls in register_costs()] == ["standard"]


def test_flat_rates_are_basis_points_and_half_the_spread():
    panel = panel_of(np.full((2, 1), 10.0), np.full((2, 1), 100.0))
    rates = Standard(fees_bps=3.0, slippage_bps=2.0, spread_bps=5.0).trading(
        panel, np.zeros((2, 1))
    )
    assert {name: rate[1, 0] for name, rate in rates.items()} == pytest.approx(
        {"commission": 0.0003, "slippage": 0.0002, "spread": 0.00025, "impact": 0.0}
    )


def test_impact_is_the_square_root_law_on_rows_before_the_bar():
    close = np.array([[10.0], [11.0], [9.9], [500.0]])
    volume = np.array([[100.0], [200.0], [300.0], [1e9]])
    orders = np.full((4, 1), 550.0)
    rate = Standard(impact_coefficient=0.5, impact_window=3).trading(
        panel_of(close, volume), orders
    )
    volatility = np.std([0.1, -0.1], ddof=1)
    usual = np.median([1000.0, 2200.0, 2970.0])
    assert rate["impact"][3, 0] == pytest.approx(0.5 * volatility * np.sqrt(550.0 / usual))
    assert rate["impact"][:2, 0].tolist() == [0.0, 0.0]  # no volatility is known yet


def test_trailing_statistics_are_those_of_pandas_one_row_later():
    panel = walk()
    dollars = panel.wide(panel["close"] * panel["volume"])
    volume = dollars.rolling(20, min_periods=1).median().shift(1).to_numpy()
    volatility = panel.wide(panel.returns).rolling(20, min_periods=2).std().shift(1).to_numpy()
    orders = np.full(panel.shape, 1e4)
    impact = Standard(impact_coefficient=1.0).trading(panel, orders)["impact"]
    expected = np.nan_to_num(volatility * np.sqrt(1e4 / volume))
    np.testing.assert_allclose(impact, expected, rtol=1e-9, atol=1e-12)


def test_the_cap_is_a_part_of_the_usual_volume_in_shares_at_the_last_close():
    close = np.array([[10.0], [20.0], [NAN], [40.0]])
    volume = np.array([[100.0], [300.0], [NAN], [1.0]])
    cap = Standard(max_participation=0.1, impact_window=2).max_order(panel_of(close, volume))
    assert cap is not None
    # nothing known | 1000 at 10 | median(1000, 6000) at 20 | 6000 at 20
    np.testing.assert_allclose(cap[:, 0], [np.inf, 10.0, 17.5, 30.0])


def test_carry_is_act_360_on_shorts_and_cash():
    weights = np.array([[0.5, -0.5], [0.8, -0.2]])
    got = Standard(borrow_bps=100.0, cash_rate=0.036).carry(weights, np.array([1.0, 3.0]))
    np.testing.assert_allclose(got["borrow"], [-0.01 * 0.5 / 360, -0.01 * 0.2 * 3 / 360])
    np.testing.assert_allclose(got["cash"], [0.0001, 0.036 * 0.4 * 3 / 360])


def test_without_volume_there_is_neither_impact_nor_cap_and_it_is_said_once(caplog):
    panel = panel_of(np.full((4, 1), 10.0))
    with caplog.at_level(logging.WARNING):
        rates = Standard().trading(panel, np.ones((4, 1)))
        assert Standard().max_order(panel) is None
        Standard().trading(panel, np.ones((4, 1)))
    assert not rates["impact"].any()
    assert caplog.text.count("the bars have no volume") == 1


def test_no_participation_is_no_cap():
    assert Standard(max_participation=None).max_order(walk()) is None


def test_rates_of_a_row_use_rows_before_it():
    panel = walk()
    orders = np.full(panel.shape, 1e4)
    close, volume = np.array(panel["close"]), np.array(panel["volume"])
    close[30:] *= 3.0
    volume[30:] *= 9.0
    moved = panel.with_fields({"close": close, "volume": volume})
    cost = Standard()
    np.testing.assert_array_equal(
        cost.trading(moved, orders)["impact"][:31], cost.trading(panel, orders)["impact"][:31]
    )
    np.testing.assert_array_equal(cost.max_order(moved)[:31], cost.max_order(panel)[:31])
    assert not np.array_equal(cost.max_order(moved)[31:], cost.max_order(panel)[31:])


def test_a_cut_panel_gives_the_cut_rates():
    panel = walk()
    cost = Standard()
    np.testing.assert_array_equal(cost.max_order(panel.cut(37)), cost.max_order(panel)[:37])


def test_the_order_of_symbols_does_not_matter():
    panel, order = walk(), [3, 1, 4, 0, 2]
    cost, orders = Standard(), np.full((60, 5), 1e4)
    np.testing.assert_array_equal(
        cost.trading(panel.take(order), orders)["impact"],
        cost.trading(panel, orders)["impact"][:, order],
    )
