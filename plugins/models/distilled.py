"""Distilled: a small model that learns what a large one says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import engine


@dataclass(frozen=True)
class Distilled(engine.Model):
    """A student whose target is what a teacher forecasts of rows held out from it.

    Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network", section 2. The
    teacher's forecasts have less noise than returns, so the student may be simple and say nearly
    the same; it alone forecasts.
    """

    name: ClassVar[str] = "distilled"

    teacher: engine.Model = engine.option(
        None, "says what is to be learnt", plugins="random_forest"
    )
    student: engine.Model = engine.option(None, "learns it, and forecasts", plugins="ridge")
    folds: int = engine.option(5, "inside a training, each held out from the teacher", ge=2)

    def learn(self, training: engine.Training) -> engine.Forecaster:
        """Train the student on the teacher's forecasts of rows held out."""
        said = training.forecast_outside({"teacher": self.teacher}, self.folds)["teacher"]
        return training.teach("student", self.student, target=said)
