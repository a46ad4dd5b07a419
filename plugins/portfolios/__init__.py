"""Portfolios: ways from signal to target weights, chosen by ``portfolio.name``."""

from __future__ import annotations

from engine import Portfolio, hookimpl
from plugins.portfolios.long_only_top import LongOnlyTop
from plugins.portfolios.quantile_long_short import QuantileLongShort


@hookimpl
def register_portfolios() -> list[type[Portfolio]]:
    """Return the portfolios of this room."""
    return [LongOnlyTop, QuantileLongShort]
