"""Portfolios: ways from signal to target weights, chosen by ``portfolio.name``."""

from __future__ import annotations

from engine import Portfolio, hookimpl
from engine.plugins.portfolios.factor_neutral import FactorNeutral
from engine.plugins.portfolios.hrp import HRP
from engine.plugins.portfolios.long_only_top import LongOnlyTop
from engine.plugins.portfolios.max_diversification import MaxDiversification
from engine.plugins.portfolios.mean_variance import MeanVariance
from engine.plugins.portfolios.quantile_long_short import QuantileLongShort
from engine.plugins.portfolios.risk_parity import RiskParity


@hookimpl
def register_portfolios() -> list[type[Portfolio]]:
    """Return the portfolios of this room."""
    return [
        FactorNeutral,
        HRP,
        LongOnlyTop,
        MaxDiversification,
        MeanVariance,
        QuantileLongShort,
        RiskParity,
    ]
