"""Runs side by side: what differs between them, and what came out over the dates they share.

1. The configurations are flattened; only the keys whose values differ are kept. Those that were
   typed, such as a sweep's, come first.
2. The dates on which every run held an account are found: from each run's first position on.
3. Over these dates all metrics are made; over its own span a run shows what it reported.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from engine.core.errors import ConfigError, DataError
from engine.core.periods import Span, span
from engine.report.active import Run
from engine.report.cells import DASH, number
from engine.report.folders import find_runs
from engine.study import newey_west_t, overlap_lags, performance, too_good_line

METRICS = ("CAGR", "volatility", "Sharpe ± se", "max DD", "rank IC ± se", "turnover", "costs")
UNITS = (
    "CAGR, volatility and Sharpe (of the excess over cash) per year, net; turnover two-way, × "
    "equity per year; costs in bps of equity per year; se: standard error"
)
LEGEND = 3  # values beside a run's name
DATA = "data"  # column for the data's fingerprint: the same configuration can read other files


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two or more finished runs.

    Parameters
    ----------
    labels : list of str
        Their folders below the one that holds all of them; no two are alike.
    runs : list of Run
    dates : pandas.DatetimeIndex
        On which every run was active.
    same : bool
        Whether these are all the active dates of every run.
    left : list of str
        What was named and is no finished run, a line each.
    folders : list of pathlib.Path
        Of the runs.
    trials : list of str
        What the trial ledger says of them, a line each.
    """

    labels: list[str]
    runs: list[Run]
    dates: pd.DatetimeIndex
    same: bool
    left: list[str] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    trials: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, named: Sequence[Path]) -> Comparison:
        """Read run folders; a folder of runs stands for them, and what is no run is left out.

        Raises
        ------
        ConfigError
            When there are fewer than two, or one is named twice.
        DataError
            When a folder is not there, or a run's file; when no date is common to all.
        """
        folders, left = find_runs(named)
        labels = _labels(folders, left)
        runs = [Run.read(folder) for folder in folders]
        for folder, run in zip(folders, runs, strict=True):
            if run.metrics.active.start is None:
                raise DataError(f"{folder}: held no position on any date; leave it out")
        spans = [pd.DatetimeIndex(run.returns.index) for run in runs]
        dates = reduce(lambda one, other: one.intersection(other), spans).sort_values()
        if dates.empty:
            each = "; ".join(f"{name} {_span(s)}" for name, s in zip(labels, spans, strict=True))
            raise DataError(f"no date is common to all runs ({each}); compare those that overlap")
        same = all(len(span) == len(dates) for span in spans)
        return cls(labels, runs, dates, same, left, folders)

    def find_swept(self) -> dict[str, list[str]]:
        """What was typed and differs, in the order of the words, with one value per run."""
        flat = [flatten(run.manifest.config) for run in self.runs]
        typed = [_parse(run.manifest.command) for run in self.runs]
        words = dict.fromkeys(key for each in typed for key in each)
        values = {
            key: [_value(key, *each) for each in zip(flat, typed, strict=True)] for key in words
        }
        return {key: row for key, row in values.items() if len(set(row)) > 1}

    def others(self) -> dict[str, list[str]]:
        """What differs beside what was typed."""
        told = {name for key in self.find_swept() for name in (key, f"{key}.name")}
        return {key: row for key, row in self.differing().items() if key not in told}

    def legends(self) -> list[str]:
        """Each run's label with the first values that differ."""
        rows = [*(self.find_swept() or self.others()).values()][:LEGEND]
        values = [", ".join(row) for row in zip(*rows, strict=True)] if rows else []
        pairs = zip(self.labels, values, strict=True)
        return [f"{label}: {value}" for label, value in pairs] if values else self.labels

    def differing(self) -> dict[str, list[str]]:
        """Configuration keys whose values differ, with one value per run; a dash where unset.

        The telling ones come first: names, then what stands highest in the configuration.
        """
        flat = [flatten(run.manifest.config) for run in self.runs]
        keys = sorted({key for each in flat for key in each}, key=_weight)
        values = {key: [each.get(key, DASH) for each in flat] for key in keys}
        values[DATA] = [run.manifest.source.fingerprint[:8] for run in self.runs]
        return {key: row for key, row in values.items() if len(set(row)) > 1}

    def rows(self) -> list[list[str]]:
        """The cells of METRICS, one row per run."""
        return [_cells(self.measure(run)) for run in self.runs]

    def measure(self, run: Run) -> dict[str, float | None]:
        """A run's metrics over the common dates; None where they are not defined.

        Units are those of ``metrics.json``. Over the same dates these are its numbers.
        """
        daily = run.returns.loc[self.dates]
        year = self.time(run).rows_per_year
        cash = daily["risk_free"].to_numpy(np.float64)
        net = performance(daily["net"].to_numpy(np.float64), year, cash)
        paid = [daily[name].mean() for name in daily.columns if str(name).startswith("cost_")]
        values = {
            **{key: net[key] for key in ("cagr", "volatility", "sharpe", "sharpe_se")},
            "max_drawdown": net["max_drawdown"],
            **self._rank_ic(run),
            "turnover": daily["turnover"].mean() * year,
            "costs": float(sum(paid)) * year * 1e4,
        }
        return {key: _drop_unknown(value) for key, value in values.items()}

    def time(self, run: Run) -> Span:
        """How many rows a run has on the common dates, and the time in which they were made."""
        earlier = run.returns.index[run.returns.index < self.dates[0]]
        return span(self.dates, earlier[-1] if len(earlier) else run.eve)

    def _rank_ic(self, run: Run) -> dict[str, float | None]:
        if self.same:  # a run's own number counts dates before the first position as well
            signal = run.metrics.signal
            return {"rank_ic_mean": signal.rank_ic_mean, "rank_ic_se": signal.rank_ic_se}
        daily = run.ic["mf_score"].reindex(self.dates).to_numpy(np.float64)
        test = newey_west_t(daily, overlap_lags(run.metrics.horizon))
        return {"rank_ic_mean": test.mean, "rank_ic_se": test.standard_error}

    def notes(self) -> list[str]:
        """What a reader must know before choosing between the runs."""
        lines = [*self.trials] or [
            f"{len(self.runs)} trials are compared here, which no ledger counts: the best looks "
            "better than it is, for it was chosen, and trials that are not shown count too."
        ]
        if not self.same:
            lines.append(
                f"The active spans differ: everything is computed over the {len(self.dates)} "
                f"common dates, {_span(self.dates)} ({self._spans()})."
            )
            lines += self._gaps()
        horizons = sorted({run.metrics.horizon for run in self.runs})
        if len(horizons) > 1:
            listed = " and ".join(map(str, horizons))
            lines.append(f"Rank ICs are over horizons of {listed} bars: they do not compare.")
        for time in dict.fromkeys(self.time(run) for run in self.runs):
            lines.append(f"Per year means by {time.text()}.")
        if not self.differing():
            lines.append("No configuration key differs.")
        for label, run in zip(self.labels, self.runs, strict=True):
            beyond = {name: asdict(row) for name, row in run.metrics.too_good.items()}
            if beyond:
                lines.append(f"{label}: {too_good_line(beyond)}.")
        lines += [f"Left out: {reason}." for reason in self.left]
        versions = [run.manifest.versions for run in self.runs]
        names = sorted({name for each in versions for name in each})
        moved = [name for name in names if len({each.get(name) for each in versions}) > 1]
        if moved:
            lines.append(f"Package versions differ: {', '.join(moved)}.")
        return lines

    def find_bankrupt(self) -> dict[str, str]:
        """The runs that lost everything, with the day."""
        pairs = zip(self.labels, self.runs, strict=True)
        return {label: day for label, run in pairs if (day := run.manifest.bankrupt_on)}

    def find_simulated(self) -> list[str]:
        """The runs on simulated data."""
        pairs = zip(self.labels, self.runs, strict=True)
        return [label for label, run in pairs if run.manifest.simulated]

    def _spans(self) -> str:
        pairs = zip(self.labels, self.runs, strict=True)
        return "; ".join(f"{label}: {_span(run.returns.index)}" for label, run in pairs)

    def _gaps(self) -> list[str]:
        """Days inside the common span that another run's calendar lacks: their returns are lost."""
        lines = []
        for label, run in zip(self.labels, self.runs, strict=True):
            inside = run.returns.loc[self.dates[0] : self.dates[-1]]
            lost = len(inside) - len(self.dates)
            if lost:
                lines.append(f"Left out of {label}: dates that another run lacks ({lost}).")
        return lines


def flatten(node: Any, prefix: str = "") -> dict[str, str]:
    """Dotted keys, as in an override, and printable values; a list of scalars is one value."""
    if isinstance(node, Mapping) and node:
        items = [(str(key), value) for key, value in node.items()]
    elif isinstance(node, list) and any(isinstance(item, (Mapping, list)) for item in node):
        items = [(str(index), value) for index, value in enumerate(node)]
    else:
        return {prefix: _show(node)}
    out: dict[str, str] = {}
    for key, value in items:
        out |= flatten(value, f"{prefix}.{key}" if prefix else key)
    return out


def _weight(key: str) -> tuple[int, bool, str]:
    return key.count("."), not key.endswith(".name"), key


def _show(value: Any) -> str:
    if isinstance(value, str) and value.isprintable() and value:
        return value
    return json.dumps(value)


def _parse(command: str) -> dict[str, str]:
    """The overrides of a command, by key; what is Hydra's own is no run's."""
    pairs = (word.lstrip("+~").partition("=") for word in shlex.split(command)[2:])
    return {key: value for key, _, value in pairs if not key.startswith(("-", "hydra"))}


def _value(key: str, flat: Mapping[str, str], typed: Mapping[str, str]) -> str:
    """The value that a run had of a key; a group's is its choice."""
    for name in (key, f"{key}.name"):
        if name in flat:
            return flat[name]
    return _show(typed[key]) if key in typed else DASH


def _labels(folders: Sequence[Path], left: Sequence[str]) -> list[str]:
    paths = [folder.resolve() for folder in folders]
    if len(paths) < 2:
        also = f" (left out: {'; '.join(left)})" if left else ""
        raise ConfigError(
            f"compare: name two or more run folders, as in `engine compare RUN RUN`{also}"
        )
    for folder, path in zip(folders, paths, strict=True):
        if paths.count(path) > 1:
            raise ConfigError(f"compare: {folder} is named twice; name each run once")
    base = Path(os.path.commonpath([path.parent for path in paths]))
    return [str(path.relative_to(base)) for path in paths]


def _cells(values: Mapping[str, float | None]) -> list[str]:
    return [
        number(values["cagr"], ".2%"),
        number(values["volatility"], ".2%"),
        f"{number(values['sharpe'], '.2f')} ± {number(values['sharpe_se'], '.2f')}",
        number(values["max_drawdown"], ".2%"),
        f"{number(values['rank_ic_mean'], '.4f')} ± {number(values['rank_ic_se'], '.4f')}",
        number(values["turnover"], ".1f"),
        number(values["costs"], ".0f"),
    ]


def _drop_unknown(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def _span(index: pd.Index[Any]) -> str:
    days = pd.DatetimeIndex(index)
    return f"{days[0].date()} to {days[-1].date()}"
