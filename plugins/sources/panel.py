"""The source of a run that was handed its bars in Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from engine import ConfigError, Source, Universe, reading


@dataclass(frozen=True)
class Panel(reading.Reading, Source):
    """Bars handed over in Python: ``engine.run([…], bars=frame)``; these options read them."""

    name: ClassVar[str] = "panel"

    def load(self, universe: Universe) -> pd.DataFrame:
        """Say what to do instead, since the engine asks nobody for a frame that it was handed.

        Raises
        ------
        ConfigError
            Always.
        """
        raise ConfigError(
            "source=panel has no bars: in Python, hand them over with engine.run([…], bars=frame); "
            "on the command line, type source=parquet source.path=FILE"
        )
