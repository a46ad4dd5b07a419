"""How targets become trades."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.core.options import Options, option

FILLS = ("close", "open")
ENGINES = ("vectorbt", "fast")


@dataclass(frozen=True)
class Backtest(Options):
    """How targets become trades.

    Parameters
    ----------
    initial_capital : float
        Equity before the first trade, in the currency of the prices.
    fill : {"close", "open"}
        Price of the next bar that orders are filled at.
    engine : {"vectorbt", "fast"}
        Whether vectorbt books the ledger's orders once more, and any difference stops the run.
    """

    config_key: ClassVar[str] = "backtest"

    initial_capital: float = option(
        1e6,
        "equity before the first trade; the larger, the more impact",
        unit="currency of the prices",
        gt=0,
    )
    fill: str = option("close", "trade at this price of the bar after the decision", choices=FILLS)
    engine: str = option(
        "vectorbt",
        "vectorbt books the orders once more, and must agree; fast leaves it out",
        choices=ENGINES,
    )
