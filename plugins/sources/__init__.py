"""Where bars come from."""

from __future__ import annotations

from engine import Source, hookimpl
from engine.plugins.sources.csv import Csv
from engine.plugins.sources.lean import Lean
from engine.plugins.sources.merge import Merge
from engine.plugins.sources.panel import Panel
from engine.plugins.sources.parquet import Parquet
from engine.plugins.sources.sample import Sample
from engine.plugins.sources.simulated import Simulated
from engine.plugins.sources.sql import Sql
from engine.plugins.sources.yahoo import Yahoo


@hookimpl
def register_sources() -> list[type[Source]]:
    """List the built-in sources."""
    return [Csv, Lean, Merge, Panel, Parquet, Sample, Simulated, Sql, Yahoo]
