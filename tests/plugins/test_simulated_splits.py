"""Stock splits of the simulated market, adjusted for and as traded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import ALL

from engine import FloatArray
from engine.bars.layout import Policy, build
from engine.core.panel import Panel
from engine.core.universe import Universe
from engine.plugins.sources._splits import Splits, as_traded, split_ratio
from engine.plugins.sources.simulated import Simulated

PRICES = ("open", "high", "low", "close")
SMALL: dict[str, Any] = {"n_symbols": 60, "n_days": 250, "planted_ic": 0.0}


def frame(universe: Universe = ALL, **fields: Any) -> pd.DataFrame:
    return Simulated(**{**SMALL, "splits": 1.0, **fields}).load(universe)


def panel(universe: Universe = ALL, **fields: Any) -> Panel:
    return build(frame(universe, **fields), universe, Policy(ohlc="raise"))[0]


def later(ratio: FloatArray) -> FloatArray:
    """The product of all later ratios, one day at a time; a day without a bar splits nothing."""
    known, out = np.where(np.isnan(ratio), 1.0, ratio), np.ones_like(ratio)
    for t in range(len(ratio) - 2, -1, -1):
        out[t] = out[t + 1] * known[t + 1]
    return out


def test_fields_as_traded_by_hand() -> None:
    """A 4:1 split on day 1 and a 1:10 reverse split on day 3 of the same symbol."""
    ratio = np.array([[1.0], [4.0], [1.0], [0.1]])
    flat = {name: np.full((4, 1), 10.0) for name in PRICES}
    raw = as_traded({**flat, "volume": np.full((4, 1), 800.0), "other": ratio}, ratio)
    for name in PRICES:
        np.testing.assert_allclose(raw[name][:, 0], [4.0, 1.0, 1.0, 10.0], rtol=1e-15)
    np.testing.assert_allclose(raw["volume"][:, 0], [2000.0, 8000.0, 8000.0, 800.0], rtol=1e-15)
    assert raw["other"] is ratio


def test_a_split_falls_on_a_bar_after_the_first() -> None:
    splits = Splits(ratio=np.array([2.0, 3.0, 4.0, 1.0]), when=np.array([0.0, 0.99, 0.5, 0.5]))
    listed = np.array([[0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 0, 1], [1, 1, 0, 1]], bool)
    expected = np.ones((4, 4))
    expected[3, 0] = 2.0  # bars on days 1 and 3, the first of which has no price before it
    expected[3, 1] = 3.0
    np.testing.assert_array_equal(split_ratio(splits, listed), expected)  # one bar: no split


@pytest.mark.parametrize("seed", [7, 8])
def test_prices_as_traded_jump_by_the_ratio_on_the_day(seed: int) -> None:
    """The close before over the close then is the ratio times what it is when adjusted."""
    raw, adjusted = panel(seed=seed, adjusted=False), panel(seed=seed)
    ratio = np.where(raw.present, raw["split_ratio"], 1.0)
    day, column = np.nonzero(ratio != 1.0)
    assert len(np.unique(column)) == len(column) == 60
    jump = (1.0 + raw.returns[day, column]) / (1.0 + adjusted.returns[day, column])
    np.testing.assert_allclose(jump, 1.0 / ratio[day, column], rtol=1e-12)
    ordinary = (ratio == 1.0) & np.isfinite(raw.returns)
    np.testing.assert_allclose(raw.returns[ordinary], adjusted.returns[ordinary], atol=1e-12)


def test_traded_money_is_the_same() -> None:
    raw, adjusted = panel(adjusted=False), panel()
    assert not np.array_equal(raw["volume"], adjusted["volume"], equal_nan=True)
    for name in PRICES:
        money = adjusted[name] * adjusted["volume"]
        np.testing.assert_allclose(raw[name] * raw["volume"], money, rtol=1e-12)


def test_later_ratios_lead_from_prices_as_traded_to_adjusted_ones() -> None:
    raw, adjusted = panel(adjusted=False), panel()
    factor = later(raw["split_ratio"])
    for name in PRICES:
        np.testing.assert_allclose(raw[name] / factor, adjusted[name], rtol=1e-12)
    np.testing.assert_allclose(raw["volume"] * factor, adjusted["volume"], rtol=1e-12)
    np.testing.assert_array_equal(raw["split_ratio"], adjusted["split_ratio"])
    np.testing.assert_array_equal(raw["planted"], adjusted["planted"])


def test_splits_move_nothing_else() -> None:
    """Adjusted bars are the same with every symbol split and with none."""
    with_, without = frame(), frame(splits=0.0)
    assert (without["split_ratio"] == 1.0).all()
    assert not (with_["split_ratio"] == 1.0).all()
    rest = [name for name in with_ if name != "split_ratio"]
    pd.testing.assert_frame_equal(with_[rest], without[rest], check_exact=True)


def test_without_splits_as_traded_is_adjusted() -> None:
    raw = frame(splits=0.0, adjusted=False)
    pd.testing.assert_frame_equal(raw, frame(splits=0.0), check_exact=True)


@pytest.mark.parametrize("adjusted", [True, False])
def test_a_symbols_splits_depend_on_neither_order_nor_company(adjusted: bool) -> None:
    one = panel(Universe(symbols=["B"]), adjusted=adjusted)
    many = panel(Universe(symbols=["C", "A", "B"]), adjusted=adjusted)
    assert (one["split_ratio"] != 1.0).sum() == 1
    for name in one.fields:
        np.testing.assert_array_equal(many[name][:, [1]], one[name])


def test_a_symbol_that_splits_still_does_when_more_do() -> None:
    few, more = frame(splits=0.2), frame(splits=0.6)
    split = few["split_ratio"] != 1.0
    assert 0 < split.sum() < (more["split_ratio"] != 1.0).sum() < 60
    assert few["split_ratio"][split].equals(more["split_ratio"][split])


def test_ratios_are_the_usual_ones_and_reverse_splits_rare() -> None:
    ratio = frame(n_symbols=800, n_days=4, late=0.0, delisted=0.0, suspended=0.0)["split_ratio"]
    shares = ratio[ratio != 1.0].value_counts(normalize=True)
    assert set(shares.index) == {2.0, 3.0, 4.0, 0.1}
    assert 0.02 < shares[0.1] < 0.08
    assert shares[2.0] > 0.5
    assert ratio.dtype == np.float64


@pytest.mark.parametrize(("splits", "adjusted"), [(0.0, True), (0.1, True), (0.5, False)])
def test_facts_count_the_splits(splits: float, adjusted: bool) -> None:
    source = Simulated(**SMALL, splits=splits, adjusted=adjusted)
    count = int((source.load(ALL)["split_ratio"] != 1.0).sum())
    assert source.facts(ALL)["splits"] == {
        "column": "split_ratio",
        "adjusted": adjusted,
        "count": count,
    }
    assert (count > 0) is (splits > 0)
