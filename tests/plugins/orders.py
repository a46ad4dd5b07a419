"""Which names of a decision cannot be traded, read from the decisions before it."""

import numpy as np

import engine


def frozen(targets: engine.FloatArray, panel: engine.Panel) -> engine.BoolArray:
    """Whether a name without a bar is held, shape (T, N), where all orders are filled.

    What is held then is the last order before the name's last bar: it was filled there.
    """
    held = np.zeros(panel.shape, bool)
    for t, i in np.argwhere(~panel.present):
        bars = np.flatnonzero(panel.present[:t, i])
        orders = targets[: bars[-1], i] if len(bars) else targets[:0, i]
        known = orders[np.isfinite(orders)]
        held[t, i] = len(known) > 0 and known[-1] != 0.0
    return held


def assert_whole_rows(targets: engine.FloatArray, panel: engine.Panel) -> None:
    """A row decides on every name, but for those that are held without a bar; or on none."""
    decides = np.isfinite(targets).any(axis=1, keepdims=True)
    np.testing.assert_array_equal(np.isfinite(targets), decides & ~frozen(targets, panel))
