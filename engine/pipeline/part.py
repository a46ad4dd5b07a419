"""The part of a configuration that says what the bars are, for commands that run nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from omegaconf import DictConfig

from engine.bars import Findings, Policy, build, hide_stated, resolve_members
from engine.bars.inspect import Thresholds
from engine.core.fields import structure
from engine.core.kinds import Source
from engine.core.panel import Panel
from engine.core.periods import Time
from engine.core.universe import Universe
from engine.pipeline.settings import resolve
from engine.plugin import Registry, calling, lend
from engine.signal import Decision


@dataclass(frozen=True)
class Part:
    """Settings of what comes in, as `engine.pipeline.settings.Settings` has them."""

    universe: Universe
    source: Source
    time: Time
    bars: Policy
    check: Thresholds
    decision: Decision

    def frame(self) -> pd.DataFrame:
        """Return the bars as their source has them."""
        with calling(self.source, f"source {self.source.name!r}"):
            return self.source.load(lend(self.universe, self.source))

    def series(self) -> pd.DataFrame | None:
        """Return the source's market-wide series."""
        with calling(self.source, f"source {self.source.name!r}"):
            return self.source.series(lend(self.universe, self.source))

    def lay_out(self, periods: float | None = None) -> tuple[Panel, Findings]:
        """Return the bars as factors see them, cleaned, and what was done to them.

        `periods` are the rows a year, where the settings leave that to the dates.
        """
        rows_a_year = periods if self.time.number is None else self.time.number
        panel, findings = build(
            self.frame(), self.universe, self.bars, self.series(), rows_a_year, self.decision.share
        )
        return hide_stated(panel), findings


def read_part(config: DictConfig, registry: Registry) -> Part:
    """Return the settings; raise ConfigError naming the key, the value and what to type."""
    resolve(config)
    return Part(
        universe=resolve_members(structure(Universe, config.get("universe"), "universe")),
        source=registry.build("source", config.get("source"), "source"),
        time=structure(Time, config.get("time"), "time"),
        bars=structure(Policy, config.get("bars"), "bars"),
        check=structure(Thresholds, config.get("check"), "check"),
        decision=structure(Decision, config.get("decision"), "decision"),
    )
