"""Models: estimators that the engine trains walk-forward."""

from __future__ import annotations

from engine import Model, hookimpl
from plugins.models.elastic_net import ElasticNet
from plugins.models.lasso import Lasso
from plugins.models.linear import Linear
from plugins.models.random_forest import RandomForest
from plugins.models.ridge import Ridge
from plugins.models.xgboost import XGBoost


@hookimpl
def register_models() -> list[type[Model]]:
    """The built-in models."""
    return [Linear, Ridge, Lasso, ElasticNet, RandomForest, XGBoost]
