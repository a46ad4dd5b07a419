"""Portfolios: ways from signal to target weights, chosen by ``portfolio.name``."""

from __future__ import annotations

from engine import Portfolio, hookimpl
from plugins.portfolios.factor_neutral import FactorNeutral
from plugins.portfolios.hrp import HRP
from plugins.portfolios.long_only_top import LongOnlyTop
from plugins.portfolios.max_diversification import MaxDiversification
from plugins.portfolios.mean_variance import MeanVariance
from plugins.portfolios.quantile_long_short import QuantileLongShort
from plugins.portfolios.risk_parity import RiskParity


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
