"""The first stages: what the source has, the panel, what is odd about it, and the factors."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from engine.bars import Findings, Policy, Rows, hide_stated, lay, read
from engine.bars.inspect import Inspection, Thresholds, line, look, record
from engine.core.contracts import array
from engine.core.errors import DataError
from engine.core.kinds import Factor, Source
from engine.core.panel import FloatArray, Panel, arrange
from engine.core.periods import Time
from engine.core.universe import Universe
from engine.expr import Formula, evaluate, fields
from engine.factors import Ready, ready, spans
from engine.pipeline.rest import Rest, panel_of
from engine.pipeline.stage import Artifact, Note, Pieces, Table
from engine.plugin import calling, lend
from engine.signal import Masked, mask_young
from engine.storage import Artifacts

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Raw:
    """What a source has.

    Parameters
    ----------
    rows : Rows
        Its bars, mended by hand, and not yet cleaned.
    series : pandas.DataFrame or None
        Of the whole market.
    facts : dict
        What it knows of its data.
    """

    rows: Rows
    series: pd.DataFrame | None
    facts: dict[str, Any]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of rows and series, as they came."""
        rows, digest = self.rows, hashlib.sha256(b"rows")
        texts = {name: text.codes for name, text in rows.texts.items()}
        labels = {name: [*text.categories] for name, text in rows.texts.items()}
        digest.update(repr((rows.names, sorted(rows.numbers), labels)).encode())
        for each in (rows.days.as_unit("ns").asi8, rows.day, rows.name):
            digest.update(np.ascontiguousarray(each).data)
        for arrays in (rows.numbers, texts):
            for name in sorted(arrays):
                digest.update(np.ascontiguousarray(arrays[name]).data)
        if self.series is not None:
            digest.update(pd.util.hash_pandas_object(self.series).to_numpy().data)
            digest.update(repr([*self.series.columns]).encode())
        return digest.hexdigest()


def load(source: Source, universe: Universe, mends: str | None) -> Raw:
    """Ask the source for its bars, its series and what it knows of them."""
    with calling(source, f"source {source.name!r}"):
        lent_universe = lend(universe, source)
        frame, series = source.load(lent_universe), source.series(lent_universe)
    rows = read(frame, universe, mends)
    del frame
    with calling(source, f"source {source.name!r}"):
        facts = dict(source.facts(lend(universe, source)))
    return Raw(rows, series, facts)


@dataclass(frozen=True, eq=False)
class Bars:
    """The panel, and what was done to become one.

    Parameters
    ----------
    panel : Panel
    findings : Findings
    facts : dict
        What the source knows of its data.
    """

    panel: Panel
    findings: Findings
    facts: dict[str, Any]

    @cached_property
    def seen(self) -> Panel:
        """The panel that decisions are taken on: it does not tell which names will end."""
        return hide_stated(self.panel)


def lay_out(source: Raw, universe: Universe, policy: Policy, time: Time, share: float) -> Bars:
    """Clean the rows by the policy, and lay them out as a panel."""
    panel, findings = lay(source.rows, universe, policy, source.series, time.number, share)
    for each in findings.lines():
        log.info("bars: %s", each)
    return Bars(panel, findings, source.facts)


def leave_bars(made: Bars, policy: Policy) -> Iterator[Artifact]:
    """Leave the bars, long."""
    panel = made.panel
    facts = {"columns": list(panel.fields), "keep": policy.kept}
    yield Table("bars", panel.rows(panel.fields), facts)
    yield Rest(panel)
    yield Note("bars", dataclasses.asdict(made.findings))


def tell_bars(made: Bars) -> dict[str, Any]:
    """What they are, and what was done to them."""
    panel, dates = made.panel, made.panel.dates
    return {
        "source": {
            "facts": made.facts,
            "fingerprint": panel.fingerprint,
            "periods_per_year": panel.periods_per_year,
            "rows": int(panel.present.sum()),
            "thin_dates": int((~panel.full).sum()),
            "symbols": len(panel.symbols),
            "start": str(dates[0].date()),
            "end": str(dates[-1].date()),
        },
        "findings": dict(made.findings.counts),
        "mends": made.findings.mends,
    }


def bars_back(files: Artifacts, told: Mapping[str, Any]) -> Bars:
    """Read the panel back, and see that it is that of the run."""
    panel, source = panel_of(files), told["source"]
    if panel.fingerprint != source["fingerprint"]:
        raise DataError(f"{files.path}: its bars were changed since; run the bundle again")
    return Bars(panel, Findings.of(files.read_plain("bars")), dict(source["facts"]))


def look_over(
    source: Raw, universe: Universe, policy: Policy, check: Thresholds, time: Time
) -> Inspection:
    """See what is odd about the rows, by statistics over the whole sample; nothing is decided."""
    seen = look(source.rows, universe, policy, check, time.number)
    odd = line(seen.findings)
    if odd:
        log.warning("data: %s; see data.json in the run folder", odd)
    return seen


def leave_data(made: Inspection, bars: Bars) -> Iterator[Artifact]:
    """Leave what was found, and what the policy did about it."""
    yield Note("data", record(made, bars.findings))


def compute(definitions: Mapping[str, Factor], bars: Bars, pieces: Pieces) -> dict[str, FloatArray]:
    """Compute every factor of the set that is not kept: classes one by one, formulas as a graph."""
    panel = bars.seen
    texts = {n: pieces.describe(n) for n, f in definitions.items() if not isinstance(f, Formula)}
    known = pieces.bring(definitions, panel)
    known |= pieces.find({name: text for name, text in texts.items() if name not in known})
    found = ready(definitions, panel, known=known)
    texts |= _describe_formulas(definitions, found, texts)
    known |= pieces.find({name: texts[name] for name in found.formulas if name not in known})
    done = found.values | known | _evaluate_left(definitions, found, known)
    columns = {name: array(done[name], panel.shape, f"factors.{name}") for name in definitions}
    pieces.keep(texts, columns)
    for name in find_empty(columns):
        log.info("factor %s has no value at all: the bars have too little history for it", name)
    return columns


def _evaluate_left(
    definitions: Mapping[str, Factor], found: Ready, known: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Values of the formulas that are not known; what they name that is known is a field."""
    left = {name: f for name, f in found.formulas.items() if name not in known}
    read = {field for name in left for field in _list_fields(definitions[name])}
    read -= {name.lower() for name in found.panel.fields}
    named = {name: values for name, values in known.items() if name.lower() in read}
    return evaluate(left, found.panel.with_fields(named) if named else found.panel)


def _list_fields(factor: Factor) -> frozenset[str]:
    return fields(factor.node) if isinstance(factor, Formula) else frozenset()


def _describe_formulas(
    definitions: Mapping[str, Factor], found: Ready, others: Mapping[str, str]
) -> dict[str, str]:
    """What each formula depends on: itself, and what it names that is no formula."""
    texts = {}
    for name, node in found.written.items():
        read = fields(node)
        named = [others[other] for other in others if other.lower() in read]
        missing = getattr(definitions[name], "missing", "")
        texts[name] = "\n".join([found.keys[name], missing, *named])
    return texts


def leave_factors(made: Mapping[str, FloatArray], bars: Bars) -> Iterator[Artifact]:
    """Leave the factors, long."""
    yield Table("factors", bars.seen.rows(made), {"columns": list(made)}, noisy=True)


def tell_factors(made: Mapping[str, FloatArray]) -> dict[str, Any]:
    """Which have no value at all."""
    return {"empty_factors": find_empty(made)}


def factors_back(
    files: Artifacts, definitions: Mapping[str, Factor], bars: Bars
) -> dict[str, FloatArray]:
    """Read the factors back, where there is a bar."""
    made = arrange(files.table("factors"), bars.panel.dates, bars.panel.symbols)
    return {name: made[name] for name in definitions}


def find_empty(columns: Mapping[str, FloatArray]) -> list[str]:
    """Names of the arrays without a single finite value."""
    return [name for name, values in columns.items() if not np.isfinite(values).any()]


@dataclass(frozen=True, eq=False)
class Seasoned:
    """The factors without the values of names that are too young.

    Parameters
    ----------
    windows : mapping of str to int
        Rows of each factor's longest window.
    values : mapping of str to float array, shape (T, N)
        Each is made when it is asked for.
    """

    windows: Mapping[str, int]
    values: Masked


def season(
    definitions: Mapping[str, Factor],
    share: float,
    bars: Bars,
    factors: Mapping[str, FloatArray],
) -> Seasoned:
    """Take out the values of names that are too young for the windows of the factors."""
    windows = spans(definitions, bars.seen)
    return Seasoned(windows, mask_young(factors, windows, bars.seen, share))
