"""The oracle itself: cases worked out by hand, and its books balance in random cases."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import NAN
from cases import LongShort, decide_of, random_setting, setting_of
from ledger import Refused, Setting, fixed_targets, returns, run


def setting(close: list[list[float]], **others: Any) -> Setting:
    """A free market: no costs, no caps, no carry; capital 1000, filled at the close."""
    shape = np.shape(close)
    zero, names = np.zeros(shape), shape[1]
    free = Setting(
        close, close, zero + math.inf, {"fee": zero}, {"fee": zero}, {"fee": 1.0}, zero, zero,
        zero[:, 0], zero[:, 0], 1000.0, "close", 2, [0.0] * names, [0.0] * names,
    )  # fmt: skip
    return replace(free, **others)


def equities(one: Setting, weights: list[list[float]]) -> list[float]:
    return [day.equity for day in run(one, fixed_targets(weights))]


def test_a_purchase_at_the_next_close_pays_its_fee() -> None:
    # 50 shares at 10 cost 5; 495 cash + 50 x 12.
    one = setting([[10.0], [10.0], [12.0]], fixed={"fee": [[0.01]] * 3})
    days = run(one, fixed_targets([[0.5], [NAN], [NAN]]))
    assert [day.equity for day in days] == [1000.0, 995.0, 1095.0]
    assert (days[1].flow, days[1].price, days[1].paid) == ([50.0], [10.0], {"fee": 5.0})
    assert (days[2].cash, days[2].shares, days[2].flow) == (495.0, [50.0], [0.0])


def test_a_fill_at_the_open_values_the_account_there() -> None:
    # Row 2's open 8: worth 500 + 50 x 8 = 900 there, 0.25 of it is 28.125 shares; sells 21.875.
    one = setting([[10.0], [10.0], [12.0]], open=[[10.0], [10.0], [8.0]], fill="open")
    days = run(one, fixed_targets([[0.5], [0.25], [NAN]]))
    assert (days[2].flow, days[2].cash, days[2].equity) == ([-21.875], 675.0, 1012.5)


@pytest.mark.parametrize("bad", [NAN, 0.0])
def test_a_name_without_an_open_waits_at_its_last_mark(bad: float) -> None:
    # Row 2: name 0 has no open and stands at 10; name 1 is bought for half of 1000 at 5.
    close = [[10.0, 5.0], [10.0, 5.0], [20.0, 5.0], [20.0, 5.0]]
    opens = [[10.0, 5.0], [10.0, 5.0], [bad, 5.0], [16.0, 5.0]]
    one = setting(close, open=opens, fill="open")
    days = run(one, fixed_targets([[0.5, NAN], [0.0, 0.5], [NAN, NAN], [NAN, NAN]]))
    assert (days[2].flow, days[2].equity) == ([0.0, 100.0], 1500.0)
    assert (days[3].flow, days[3].cash) == ([-50.0, 0.0], 800.0)


def test_purchases_are_scaled_to_the_cash() -> None:
    # x (1 + 0.1 + 0.1 x) = 1 has the root (-1.1 + sqrt(1.61)) / 0.2.
    close = [[10.0], [10.0]]
    one = setting(close, fixed={"fee": [[0.1]] * 2}, coefficient={"fee": [[1e-4]] * 2})
    day = run(one, fixed_targets([[1.0], [NAN]]))[1]
    assert day.flow[0] == pytest.approx(84.4288770224760, rel=1e-13)
    assert day.cash == pytest.approx(0.0, abs=1e-9)


def test_sales_pay_for_purchases() -> None:
    # Short 1 x equity of name 0 brings 1000 - 100 fee; then 190 shares of name 1 at 10.
    close = [[10.0, 10.0], [10.0, 10.0]]
    one = setting(close, fixed={"fee": [[0.1, 0.0]] * 2})
    day = run(one, fixed_targets([[-1.0, 3.0], [NAN, NAN]]))[1]
    assert day.flow == [-100.0, pytest.approx(190.0)]
    assert day.equity == pytest.approx(900.0)


def test_a_doubled_price_ruins_a_short() -> None:
    one = setting([[10.0], [10.0], [20.0], [5.0]])
    days = run(one, fixed_targets([[-1.0], [NAN], [1.0], [1.0]]))
    assert [day.ruined for day in days] == [False, False, True, True]
    assert [day.equity for day in days] == [1000.0, 1000.0, 0.0, 0.0]
    assert returns(days, 1000.0) == [0.0, 0.0, -1.0, 0.0]


def test_a_delisting_is_paid_when_it_is_known() -> None:
    # Long 25 at 10 -> 7 each, short 25 at 10 -> 10 each, two rows after the last bar; the new
    # targets of that row are dropped.
    close = [[10.0, 10.0, 1.0]] * 2 + [[NAN, NAN, 1.0]] * 3
    one = setting(close, r_long=[-0.3, 0.0, 0.0], r_short=[-0.3, 0.0, 0.0])
    days = run(one, fixed_targets([[0.25, -0.25, NAN]] * 5))
    assert days[2].shares == [25.0, -25.0, 0.0]
    assert (days[3].flow, days[3].price) == ([-25.0, 25.0, 0.0], [7.0, 10.0, 0.0])
    assert [day.equity for day in days] == [1000.0, 1000.0, 1000.0, 925.0, 925.0]
    ended_late = run(replace(one, after=4), fixed_targets([[0.25, -0.25, NAN]] * 5))
    assert [day.equity for day in ended_late] == [1000.0] * 5


def test_orders_wait_for_a_bar_and_are_cut_to_the_cap() -> None:
    # Waits on rows 1 (no bar) and 2 (cap 0), 30 of 50 shares on row 3, the rest lapses.
    cap = [[math.inf], [math.inf], [0.0], [30.0], [30.0]]
    days = run(
        setting([[10.0], [NAN], [10.0], [10.0], [10.0]], cap=cap),
        fixed_targets([[0.5], [NAN], [NAN], [NAN], [NAN]]),
    )
    assert [day.flow[0] for day in days] == [0.0, 0.0, 0.0, 30.0, 0.0]


def test_carry_is_on_what_was_held_overnight() -> None:
    # Row 2: 3 days x (500 x 0.001 - 200 x 0.002 + 700 x 0.0001) = 3 x 0.17.
    close = [[10.0, 10.0]] * 3
    rates = {"carry_long": [[0.001] * 2] * 3, "carry_short": [[-0.002] * 2] * 3}
    one = setting(close, **rates, carry_cash=[0.0, 0.0, 0.0001], days=[0.0, 1.0, 3.0])
    days = run(one, fixed_targets([[0.5, -0.2], [NAN, NAN], [NAN, NAN]]))
    assert (days[1].carry, days[1].cash) == (0.0, 700.0)
    assert days[2].carry == pytest.approx(0.51)
    assert days[2].equity == pytest.approx(1000.51)


def test_dust_is_no_order_and_no_holding() -> None:
    # 5e-9 shares are not bought; a sale to 5e-9 shares sells all.
    one = setting([[10.0]] * 3)
    assert run(one, fixed_targets([[5e-11], [NAN], [NAN]]))[1].flow == [0.0]
    assert run(one, fixed_targets([[0.5], [5e-11], [NAN]]))[2].shares == [0.0]


def test_a_rate_of_one_is_refused() -> None:
    one = setting([[10.0]] * 2, fixed={"fee": [[1.0]] * 2})
    with pytest.raises(Refused) as caught:
        run(one, fixed_targets([[-0.5], [NAN]]))
    assert (caught.value.component, caught.value.row) == ("fee", 1)


def long_short(score: list[list[float]], **others: Any) -> LongShort:
    shape = np.shape(score)
    given: dict[str, Any] = {
        "close": np.ones(shape), "member": np.ones(shape) > 0, "exposure": np.ones(shape[0]),
        "symbols": [f"S{i}" for i in range(shape[1])], "quantile": 0.25, "gross": 1.0,
        "dates": np.datetime64("2024-01-30") + np.arange(shape[0]),
    }  # fmt: skip
    return LongShort(score, **(given | others))


@pytest.mark.parametrize(
    ("ties", "expected"),
    [("symbol", [0.0, 0.0, 0.75, -0.25]), ("split", [-0.125, 0.375, 0.375, -0.125])],
)
def test_the_ends_of_the_ranking_are_held(ties: str, expected: list[float]) -> None:
    score, symbols = [[1.0, 3.0, 3.0, 1.0]], ["A", "D", "C", "B"]
    decide = long_short(score, net=0.5, symbols=symbols, ties=ties)
    assert decide(0, [0.0] * 4, 1.0) == expected


def test_tranches_band_and_turnover() -> None:
    score = [[4.0, 3.0, 2.0, 1.0], [3.0, 4.0, 2.0, 1.0]]
    decide = long_short(score, tranches=2)
    assert decide(0, [0.0] * 4, 1.0) == [0.5, 0.0, 0.0, -0.5]
    assert decide(1, [0.5, 0.0, 0.0, -0.5], 1.0) == [0.25, 0.25, 0.0, -0.5]
    held = [0.45, 0.1, 0.0, -0.2]
    banded = long_short(score, no_trade_band=0.1)(0, held, 1.0)
    assert banded == [None, 0.0, 0.0, -0.5]
    slow = long_short(score, no_trade_band=0.1, max_turnover=0.2)(0, held, 1.0)
    assert slow == [None, pytest.approx(0.05), 0.0, pytest.approx(-0.35)]


def test_frozen_names_use_up_their_side() -> None:
    # Name 0 has no bar and holds 0.2 of the long side's 0.5; as no member it is closed later.
    given: dict[str, Any] = {"close": [[NAN, 1.0, 1.0, 1.0, 1.0]], "quantile": 0.25}
    held = [0.2, 0.0, 0.0, 0.0, 0.0]
    score = [[9.0, 4.0, 3.0, 2.0, 1.0]]
    kept = long_short(score, **given)(0, held, 1.0)
    assert kept == [None, pytest.approx(0.3), 0.0, 0.0, -0.5]
    member = [[False, True, True, True, True]]
    left = long_short(score, member=member, **given)(0, held, 1.0)
    assert left == [0.0, pytest.approx(0.3), 0.0, 0.0, -0.5]


@pytest.mark.parametrize(
    ("rebalance", "rows"),
    [("daily", [1, 2, 3, 4]), ("monthly", [1, 2]), ("weekly", [1]), ("every_n", [1, 4])],
)
def test_rows_to_decide_on(rebalance: str, rows: list[int]) -> None:
    # Jan 30 (no score), Wed Jan 31, Thu Feb 1, Fri Feb 2, Sat Feb 3 of 2024.
    score = [[NAN, NAN]] + [[1.0, 2.0]] * 4
    decide = long_short(score, rebalance=rebalance, every=3, quantile=0.5)
    assert [t for t in range(5) if decide(t, [0.0, 0.0], 1.0) is not None] == rows


@pytest.mark.parametrize("seed", range(300))
def test_the_books_balance(seed: int) -> None:
    case = random_setting(seed)
    try:
        days = run(setting_of(case), decide_of(case))
    except Refused:
        return
    cash, shares = case["capital"], np.zeros(len(case["symbols"]))
    for day in days:
        flow, price = np.array(day.flow), np.array(day.price)
        cash += day.carry - flow @ price - sum(day.paid.values())
        shares = shares + flow
        if day.ruined:
            assert day.equity == day.cash == 0.0
            assert not any(day.shares)
            break
        size = case["capital"] + abs(cash) + np.abs(shares * np.where(price > 0, price, 0)).sum()
        assert day.cash == pytest.approx(cash, abs=1e-9 * size)
        np.testing.assert_allclose(day.shares, shares, rtol=1e-9, atol=1e-8)
        cash, shares = day.cash, np.array(day.shares)


def test_a_permuted_market_gives_the_same_bits() -> None:
    for seed in range(40):
        case = random_setting(seed)
        order = np.random.default_rng(seed).permutation(len(case["symbols"]))
        try:
            days = run(setting_of(case), decide_of(case))
        except Refused:
            continue
        other = permuted(case, order) | {k: case[k][order] for k in ("r_long", "r_short")}
        turned = run(setting_of(other), decide_of(other))
        assert [day.equity for day in days] == [day.equity for day in turned]


def permuted(value: Any, order: Any) -> Any:
    """The same case with its columns in another order."""
    if isinstance(value, dict):
        return {key: permuted(one, order) for key, one in value.items()}
    if isinstance(value, list):
        return [value[i] for i in order]
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return value[:, order]
    return value
