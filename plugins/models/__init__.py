"""Models: estimators that the engine trains walk-forward, and models that are made of them."""

from __future__ import annotations

from engine import Model, hookimpl
from engine.plugins.models.best_of import BestOf
from engine.plugins.models.distilled import Distilled
from engine.plugins.models.each import Each
from engine.plugins.models.elastic_net import ElasticNet
from engine.plugins.models.ensemble import Ensemble
from engine.plugins.models.extra_trees import ExtraTrees
from engine.plugins.models.factor_rotation import FactorRotation
from engine.plugins.models.file import FileModel
from engine.plugins.models.hist_gradient_boosting import HistGradientBoosting
from engine.plugins.models.huber import Huber
from engine.plugins.models.lasso import Lasso
from engine.plugins.models.lightgbm import LightGBM
from engine.plugins.models.linear import Linear
from engine.plugins.models.logistic import Logistic
from engine.plugins.models.mlp import MLP
from engine.plugins.models.multi_horizon import MultiHorizon
from engine.plugins.models.online import Online
from engine.plugins.models.pcr import PCR
from engine.plugins.models.pls import PLS
from engine.plugins.models.random_forest import RandomForest
from engine.plugins.models.regime_switch import RegimeSwitch
from engine.plugins.models.ridge import Ridge
from engine.plugins.models.selected import Selected
from engine.plugins.models.spline_gam import SplineGAM
from engine.plugins.models.stacking import Stacking
from engine.plugins.models.svr import SVR
from engine.plugins.models.xgboost import XGBoost
from engine.plugins.models.xgboost_rank import XGBoostRank

Models = list[type[Model]]


@hookimpl
def register_models() -> list[type[Model]]:
    """The built-in models."""
    linear: Models = [Linear, Ridge, Lasso, ElasticNet, Huber, PLS, PCR, SplineGAM, Logistic]
    forests: Models = [RandomForest, ExtraTrees]
    boosted: Models = [HistGradientBoosting, XGBoost, XGBoostRank, LightGBM]
    others: Models = [SVR, MLP, FactorRotation, Online, FileModel]
    members: Models = [Ensemble, Stacking, BestOf, MultiHorizon, Each]
    one_inside: Models = [RegimeSwitch, Distilled, Selected]
    return [*linear, *forests, *boosted, *others, *members, *one_inside]
