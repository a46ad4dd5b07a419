"""How targets become trades."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.errors import ConfigError
from engine.core.kinds import option

FILLS = ("close", "open")
ENGINES = ("vectorbt", "fast")


@dataclass(frozen=True)
class Backtest:
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

    initial_capital: float = option(1e6, "equity before the first trade", unit="currency", ge=1e-6)
    fill: str = option("close", "price of the next bar to fill at", choices=FILLS)
    engine: str = option(
        "vectorbt", "book the ledger's orders in vectorbt too; fast leaves it out", choices=ENGINES
    )

    def __post_init__(self) -> None:
        if self.fill not in FILLS:
            raise ConfigError(f"backtest.fill: {self.fill!r} is unknown: write close or open")
        if self.engine not in ENGINES:
            raise ConfigError(
                f"backtest.engine: {self.engine!r} is unknown: write vectorbt or fast"
            )
        if not self.initial_capital > 0.0:
            raise ConfigError(
                f"backtest.initial_capital: {self.initial_capital} is not positive: write 1000000"
            )
