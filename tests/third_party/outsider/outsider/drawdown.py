"""A kind of plugin that the engine does not know: when somebody has to be told."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

import engine


@dataclass(frozen=True)
class Alarm(engine.Kind):
    """Rings when an account's returns look wrong."""

    kind_name: ClassVar[str] = "alarm"
    config_key: ClassVar[str] = "alarm"

    @abstractmethod
    def rings(self, returns: engine.FloatArray) -> bool:
        """Return whether it rings after these returns, shape (T,)."""

    def kind_properties(self) -> Sequence[tuple[str, Callable[[], None]]]:
        """It is quiet where nothing is lost."""

        def quiet() -> None:
            assert not self.rings(np.zeros(5)), "it rings over returns of 0"

        return [("quiet", quiet)]


@dataclass(frozen=True)
class Drawdown(Alarm):
    """Rings below a share of the highest equity."""

    name: ClassVar[str] = "drawdown"

    depth: float = engine.option(0.2, "fall from the highest equity", unit="fraction", gt=0, le=1)

    def rings(self, returns: engine.FloatArray) -> bool:
        equity = np.cumprod(1.0 + returns)
        return bool((equity < (1.0 - self.depth) * np.maximum.accumulate(equity)).any())
