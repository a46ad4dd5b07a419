"""Which names of a decision are left alone, read from the decisions before it."""

import numpy as np

import engine


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
