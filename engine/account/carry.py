"""Costs of holding that no rates can say: a cost model's own `carry`, asked row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.account.charges import refuse_same_names
from engine.account.ledger import State
from engine.core.errors import PluginError
from engine.core.kinds import Cost
from engine.core.panel import FloatArray
from engine.plugin import calling


@dataclass(frozen=True, eq=False)
class Carried:
    """What a cost model's own `carry` came to, in currency, shape (T,) each.

    `paid` by component, for holding; `interest` on cash, with `risk_free` as a return.
    """

    paid: Mapping[str, FloatArray]
    interest: FloatArray
    risk_free: FloatArray

    @classmethod
    def nothing(cls, rows: int) -> Carried:
        """Of a model that has none."""
        return cls({}, np.zeros(rows), np.zeros(rows))


class Carrying:
    """Asks a cost model's own `carry` row by row, and keeps what it said, in currency."""

    def __init__(self, cost: Cost, rows: int, trading: tuple[str, ...]) -> None:
        self.cost, self.rows, self.trading = cost, rows, trading
        self.paid: dict[str, FloatArray] = {}
        self.idle: dict[str, FloatArray] = {}

    def __call__(self, t: int, state: State, days: float) -> float:
        """What holding earned over the night before row t, in currency."""
        held = self._ask(state.held, days)
        idle = self._ask(np.zeros_like(state.held), days)
        for name, earned in held.items():
            self.paid.setdefault(name, np.zeros(self.rows))[t] = earned * state.equity
            self.idle.setdefault(name, np.zeros(self.rows))[t] = idle.get(name, 0.0)
        return sum(held[name] for name in sorted(held)) * state.equity

    def _ask(self, weights: FloatArray, days: float) -> dict[str, float]:
        who = f"costs {self.cost.name!r}"
        told = {}
        with calling(self.cost, who, often=True):
            made = self.cost.carry(weights[None], np.array([days]))
            refuse_same_names(self.cost, self.trading, made)
            for name in made:
                earned = np.asarray(made[name], np.float64)
                if earned.shape != (1,) or not np.isfinite(earned[0]):
                    raise PluginError(
                        f"{who}: the carry {name!r} must be finite and of shape (T,): "
                        f"mend {type(self.cost).__name__}.carry"
                    )
                told[name] = float(earned[0])
        return told

    def sum_up(self) -> Carried:
        """What was said: components that pay on cash alone are interest."""
        cash = sorted(name for name, earned in self.idle.items() if earned.any())
        nothing = np.zeros(self.rows)
        return Carried(
            {name: earned for name, earned in self.paid.items() if name not in cash},
            sum((self.paid[name] for name in cash), nothing),
            sum((self.idle[name] for name in cash), nothing),
        )
