"""What holds for the decisions of any portfolio, and which names they leave alone."""

from typing import Any

import numpy as np

import engine
from engine.account.simulation import decide_all


def frozen(
    targets: engine.FloatArray, panel: engine.Panel, signal: engine.FloatArray
) -> engine.BoolArray:
    """Whether a name without a bar or a signal is held, shape (T, N), where all orders are filled.

    What is held then is the last order before the name's last bar: it was filled there.
    """
    held = np.zeros(panel.shape, bool)
    for t, i in np.argwhere(~panel.present | (np.isnan(signal) & panel.member)):
        bars = np.flatnonzero(panel.present[: t + 1, i])
        orders = targets[: bars[-1], i] if len(bars) else targets[:0, i]
        known = orders[np.isfinite(orders)]
        held[t, i] = len(known) > 0 and abs(known[-1]) > 1e-12  # of equity: less is no order
    return held


def assert_whole_rows(
    targets: engine.FloatArray, panel: engine.Panel, signal: engine.FloatArray
) -> None:
    """A row decides on every name, but for those that are held and cannot be judged; or on none."""
    decides = np.isfinite(targets).any(axis=1, keepdims=True)
    np.testing.assert_array_equal(np.isfinite(targets), decides & ~frozen(targets, panel, signal))


Market = tuple[engine.FloatArray, engine.Panel, engine.FloatArray]  # signal, bars, exposure


def assert_the_same_when_cut(portfolio: Any, market: Market, stops: tuple[int, ...]) -> None:
    signal, panel, exposure = market
    full = decide_all(portfolio, signal, panel, exposure)
    for stop in stops:
        cut = decide_all(portfolio, signal[:stop], panel.cut(stop), exposure[:stop])
        np.testing.assert_array_equal(cut, full[:stop])


def assert_the_same_before(portfolio: Any, market: Market, row: int) -> None:
    """Whatever prices and the signal are from that row on."""
    signal, panel, exposure = market
    close, later = np.array(panel["close"]), signal.copy()
    close[row:], later[row:] = 1.0, np.nan
    moved = decide_all(portfolio, later, panel.with_fields({"close": close}), exposure)
    full = decide_all(portfolio, signal, panel, exposure)
    assert np.isfinite(full[:row]).any()
    np.testing.assert_array_equal(moved[:row], full[:row])


def assert_the_same_in_any_order(portfolio: Any, market: Market, within: float) -> None:
    signal, panel, exposure = market
    order = np.random.default_rng(1).permutation(panel.shape[1])
    ours = decide_all(portfolio, signal, panel, exposure)
    theirs = decide_all(portfolio, signal[:, order], panel.take(order), exposure)
    np.testing.assert_allclose(theirs, ours[:, order], atol=within)
