"""Where bars come from."""

from __future__ import annotations

from engine import Source, hookimpl
from plugins.sources.csv import Csv
from plugins.sources.parquet import Parquet
from plugins.sources.sample import Sample
from plugins.sources.simulated import Simulated


@hookimpl
def register_sources() -> list[type[Source]]:
    """List the built-in sources."""
    return [Csv, Parquet, Sample, Simulated]
