"""A stranger's plugins: a factor as a formula, and a model."""

from dataclasses import dataclass
from typing import ClassVar

import engine


@dataclass(frozen=True)
class WeekReversal(engine.Formula):
    """Minus the return of the last week."""

    name: ClassVar[str] = "week_reversal"
    formula: str = "-(close / delay(close, 5) - 1)"


@dataclass(frozen=True)
class Huber(engine.Model):
    """Linear regression that outliers pull less on."""

    name: ClassVar[str] = "huber"
    epsilon: float = engine.option(1.35, "residual, in scales, where the loss turns linear", ge=1)

    def estimator(self, seed: int) -> engine.Estimator:
        from sklearn.linear_model import HuberRegressor

        return HuberRegressor(epsilon=self.epsilon, max_iter=500)


@engine.hookimpl
def register_factors() -> list[type[engine.Factor]]:
    return [WeekReversal]


@engine.hookimpl
def register_models() -> list[type[engine.Model]]:
    return [Huber]
