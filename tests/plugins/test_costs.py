"""Cost rates against arithmetic on paper and pandas."""

import logging

import numpy as np
import pytest
from builders import NAN, panel_of

from engine.plugins.costs import Standard, register_costs


def walk(seed=0, shape=(60, 5)):
    rng = np.random.default_rng(seed)
    close = 20.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    volume = rng.lognormal(10.0, 1.0, shape)
    close[rng.random(shape) < 0.1] = NAN
    volume[rng.random(shape) < 0.1] = NAN
    return panel_of(close, start="2024-01-01", volume=volume)


def test_the_room_lists_its_costs():
    assert [cls.name for cls in register_costs()] == ["standard"]


def rate(cost, panel, orders):
    """What orders of these values pay, by component, shape (T, N) each."""
    return {
        name: np.broadcast_to(terms.fixed + terms.coefficient * orders**terms.exponent, panel.shape)
        for name, terms in cost.terms(panel).items()
    }


def test_flat_rates_are_basis_points_and_half_the_spread():
    panel = panel_of(np.full((2, 1), 10.0), volume=np.full((2, 1), 100.0))
    cost = Standard(fees_bps=3.0, slippage_bps=2.0, spread_bps=5.0)
    rates = rate(cost, panel, np.full((2, 1), 1e6))
    assert {name: rate[1, 0] for name, rate in rates.items()} == pytest.approx(
        {"commission": 0.0003, "slippage": 0.0002, "spread": 0.00025, "impact": 0.0}
    )


def test_impact_is_the_square_root_law_on_rows_before_the_bar():
    close = np.array([[10.0], [11.0], [9.9], [500.0]])
    volume = np.array([[100.0], [200.0], [300.0], [1e9]])
    cost = Standard(impact_coefficient=0.5, impact_window=3)
    impact = rate(cost, panel_of(close, volume=volume), np.full((4, 1), 550.0))["impact"]
    volatility = np.std([0.1, -0.1], ddof=1)
    usual = np.median([1000.0, 2200.0, 2970.0])
    assert impact[3, 0] == pytest.approx(0.5 * volatility * np.sqrt(550.0 / usual))
    assert impact[:2, 0].tolist() == [0.0, 0.0]  # no volatility is known yet


def test_the_default_impact_of_a_tenth_of_a_days_volume_is_0_157_of_the_volatility():
    """Almgren et al. 2005: 0.063 permanent plus 0.094 temporary, in a fifth of a day."""
    rng = np.random.default_rng(2)
    close = 10.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (40, 1)), axis=0))
    panel = panel_of(close, volume=1e6 / close)  # a million a day
    impact = rate(Standard(), panel, np.full((40, 1), 1e5))["impact"]
    volatility = np.std(panel.returns[19:39, 0], ddof=1)
    assert impact[39, 0] / volatility == pytest.approx(0.157, abs=0.002)


def test_no_coefficient_is_no_impact():
    panel = walk()
    assert not rate(Standard(impact_coefficient=0.0), panel, np.full(panel.shape, 1e6))[
        "impact"
    ].any()


def test_trailing_statistics_are_those_of_pandas_one_row_later():
    panel = walk()
    dollars = panel.wide(panel["close"] * panel["volume"])
    volume = dollars.rolling(20, min_periods=1).median().shift(1).to_numpy()
    volatility = panel.wide(panel.returns).rolling(20, min_periods=2).std().shift(1).to_numpy()
    impact = rate(Standard(impact_coefficient=1.0), panel, np.full(panel.shape, 1e4))["impact"]
    expected = np.nan_to_num(volatility * np.sqrt(1e4 / volume))
    np.testing.assert_allclose(impact, expected, rtol=1e-9, atol=1e-12)


def test_the_cap_is_a_part_of_the_usual_volume_in_shares_at_the_last_close():
    close = np.array([[10.0], [20.0], [NAN], [40.0]])
    volume = np.array([[100.0], [300.0], [NAN], [1.0]])
    cap = Standard(max_participation=0.1, impact_window=2).max_order(panel_of(close, volume=volume))
    assert cap is not None
    # nothing known | 1000 at 10 | median(1000, 6000) at 20 | 6000 at 20
    np.testing.assert_allclose(cap[:, 0], [np.inf, 10.0, 17.5, 30.0])


def test_holding_is_act_360_on_shorts_and_cash():
    holding = Standard(borrow_bps=100.0, cash_rate=0.036).holding(walk())
    assert sorted(holding) == ["borrow", "cash"]
    borrow, cash = holding["borrow"], holding["cash"]
    assert (borrow.long, borrow.cash, cash.long, cash.short) == (None, None, None, None)
    assert borrow.short == pytest.approx(-0.01 / 360)
    assert cash.cash == pytest.approx(0.036 / 360)


@pytest.mark.parametrize(
    ("volume", "message"),
    [(None, "the bars have no volume"), (np.zeros((4, 1)), "the volume is 0 on every bar")],
)
def test_an_unknown_volume_is_neither_impact_nor_cap_and_it_is_said_once(volume, message, caplog):
    panel = panel_of(np.full((4, 1), 10.0), **({} if volume is None else {"volume": volume}))
    with caplog.at_level(logging.WARNING):
        rates = rate(Standard(), panel, np.ones((4, 1)))
        assert Standard().max_order(panel) is None
        Standard().terms(panel)
    assert not rates["impact"].any()
    assert caplog.text.count(message) == 1


def test_a_volume_of_zero_from_the_first_bar_on_is_not_known_until_there_is_one():
    """A has volume from row 2 on, B had it once: what is not known caps nothing, 0 all."""
    close = np.full((6, 2), 10.0)
    volume = np.array([[0.0, 9.0], [0.0, 0.0], [50.0, 0.0], [50.0, 0.0], [50.0, 0.0], [0.0, 0.0]])
    cost = Standard(max_participation=0.1, impact_window=2)
    cap = cost.max_order(panel_of(close, volume=volume))
    # medians of the two rows before, in shares
    np.testing.assert_allclose(cap[:, 0], [np.inf, np.inf, np.inf, 2.5, 5.0, 5.0])
    np.testing.assert_allclose(cap[:, 1], [np.inf, 0.9, 0.45, 0.0, 0.0, 0.0])


def test_no_participation_is_no_cap():
    assert Standard(max_participation=None).max_order(walk()) is None


def test_rates_of_a_row_use_rows_before_it():
    panel = walk()
    close, volume = np.array(panel["close"]), np.array(panel["volume"])
    close[30:] *= 3.0
    volume[30:] *= 9.0
    moved = panel.with_fields({"close": close, "volume": volume})
    cost = Standard()
    for ask in (lambda p: cost.terms(p)["impact"].coefficient, cost.max_order):
        np.testing.assert_array_equal(ask(moved)[:31], ask(panel)[:31])
        assert not np.array_equal(ask(moved)[31:], ask(panel)[31:])


def test_a_cut_panel_gives_the_cut_rates():
    panel = walk()
    cost = Standard()
    np.testing.assert_array_equal(cost.max_order(panel.cut(37)), cost.max_order(panel)[:37])
    np.testing.assert_array_equal(
        cost.terms(panel.cut(37))["impact"].coefficient,
        cost.terms(panel)["impact"].coefficient[:37],
    )


def test_the_order_of_symbols_does_not_matter():
    panel, order = walk(), [3, 1, 4, 0, 2]
    cost = Standard()
    np.testing.assert_array_equal(
        cost.terms(panel.take(order))["impact"].coefficient,
        cost.terms(panel)["impact"].coefficient[:, order],
    )
