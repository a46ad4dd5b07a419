"""Models: estimators that the engine trains walk-forward."""

from __future__ import annotations

from engine import Model, hookimpl
from engine.plugins.models.elastic_net import ElasticNet
from engine.plugins.models.lasso import Lasso
from engine.plugins.models.linear import Linear
from engine.plugins.models.random_forest import RandomForest
from engine.plugins.models.ridge import Ridge
from engine.plugins.models.xgboost import XGBoost


@hookimpl
def register_models() -> list[type[Model]]:
    """The built-in models."""
    return [Linear, Ridge, Lasso, ElasticNet, RandomForest, XGBoost]
