"""Where bars come from."""

from __future__ import annotations

from engine import Source, hookimpl
from plugins.sources.csv import Csv
from plugins.sources.lean import Lean
from plugins.sources.merge import Merge
from plugins.sources.panel import Panel
from plugins.sources.parquet import Parquet
from plugins.sources.sample import Sample
from plugins.sources.simulated import Simulated
from plugins.sources.sql import Sql
from plugins.sources.yahoo import Yahoo


@hookimpl
def register_sources() -> list[type[Source]]:
    """List the built-in sources."""
    return [Csv, Lean, Merge, Panel, Parquet, Sample, Simulated, Sql, Yahoo]
