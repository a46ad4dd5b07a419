"""The properties of a model that learns from more than X and y: those of its forecasts.

It is trained walk-forward on a small market, as a run trains it: three trainings, whose dates do
not move when the data end earlier.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.checks import Check, Inputs, Probe, Result, Results, make_odd, small_panel
from engine.core.kinds import Model
from engine.core.panel import FloatArray, Panel
from engine.forecasts import Label, Validation, list_horizons, walk_forward

ROWS, SEED = 320, 7
LABEL = Label(horizon=5)
PLAN = Validation(min_train=140, retrain_every=70, embargo=1, min_train_rows=2)


def learner_checks(plugin: Model, panel: Panel | None = None) -> list[Check]:
    """Return the checks of a model that overrides `learn`."""
    panel = small_panel() if panel is None else panel
    return Probe(plugin, _dress(panel), _ask, make_odd(panel, _dress), may_refuse=True).checks()


def _ask(plugin: Model, inputs: Inputs) -> Results:
    panel, arrays = inputs.panel, inputs.arrays
    states = {name: arrays[name] for name in ("calm", "storm")}
    made = walk_forward(
        {name: arrays[name] for name in ("slow", "fast", "still")},
        LABEL.compute(panel),
        plugin,
        PLAN,
        seed=SEED,
        where=panel.member & panel.present,
        regimes=states,
        further={h: replace(LABEL, horizon=h).compute(panel) for h in list_horizons(plugin)},
    )
    return {"": Result(made.values, panel.symbols)}


def _dress(panel: Panel) -> Inputs:
    """A slow and a fast factor with holes, one that never moves, and two states."""
    T, N = panel.shape
    random = np.random.default_rng(4)
    fast = random.standard_normal((T, N))
    slow = _smooth(random.standard_normal((T, N)))
    slow[random.random((T, N)) < 0.1] = np.nan
    storm = 1.0 / (1.0 + np.exp(-3.0 * _smooth(random.standard_normal((T, 1)))[:, 0]))
    arrays = {
        "fast": fast,
        "slow": slow,
        "still": np.ones((T, N)),
        "calm": 1.0 - storm,
        "storm": storm,
    }
    return Inputs(panel, arrays, frozenset({"slow"}))


def _smooth(noise: FloatArray) -> FloatArray:
    for t in range(1, len(noise)):
        noise[t] = 0.95 * noise[t - 1] + 0.3 * noise[t]
    return noise
