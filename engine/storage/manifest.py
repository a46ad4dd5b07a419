"""What ``manifest.json`` holds, typed; the pipeline writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Dates = tuple[tuple[str, ...], ...]  # first and last of each range


@dataclass(frozen=True)
class SourceFacts:
    """What the bars came from, and what they are.

    Parameters
    ----------
    name : str
        Of the source.
    simulated : bool
        Whether it invents its bars.
    facts : mapping
        What it says of its data.
    fingerprint : str
        SHA-256 of the bars, in hex digits.
    sha256 : str
        Of what the source gave, before anything was done to it.
    periods_per_year : float
        Rows a year, for decisions.
    rows : int
        Bars.
    thin_dates : int
        Dates on which too few names have a bar for a decision.
    symbols : int
    start, end : str
        First and last date.
    """

    name: str
    simulated: bool
    facts: Mapping[str, Any]
    fingerprint: str
    sha256: str
    periods_per_year: float
    rows: int
    thin_dates: int
    symbols: int
    start: str
    end: str


@dataclass(frozen=True)
class PluginCode:
    """A plugin that took part.

    Parameters
    ----------
    kind, name : str
    origin : str
        Distribution and version.
    sha256 : str
        Of its code.
    checked_by : str, optional
        Version of the conformance kit that found it sound; None when none did.
    audited : str, optional
        What audits on this machine have said of its code; None of a built-in, or when none did.
    """

    kind: str
    name: str
    origin: str = field(metadata={"key": "from"})
    sha256: str
    checked_by: str | None
    audited: str | None = None


@dataclass(frozen=True)
class ErrorFacts:
    """Errors of forecasts against the label's target; None where nothing can be said.

    Parameters
    ----------
    mse, mae : float, optional
        Mean squared and absolute error, in (squared) units of the target.
    r2 : float, optional
        1 less the squared errors over those of the target's own mean.
    rank_ic : float, optional
        Mean over dates, against the forward return.
    """

    mse: float | None
    mae: float | None
    r2: float | None
    rank_ic: float | None


@dataclass(frozen=True)
class Judged:
    """Errors over every horizon-th training date, and out of sample; a gap above 0 is worse."""

    train: ErrorFacts
    test: ErrorFacts
    gap: ErrorFacts


@dataclass(frozen=True)
class Training:
    """One training and the rows that it forecast; each stop is the last date included.

    Parameters
    ----------
    index : int
        From 0.
    train_start, train_stop, test_start, test_stop : str
        Dates.
    n_train : int
        Training rows, one per date and symbol.
    train_ic, test_ic : float, optional
        Mean rank IC in training and out of sample.
    importances : mapping of str to float, optional
        By feature; None where the model has none.
    train, test : tuple of pairs
        First and last date of each range.
    errors : Judged, optional
    """

    index: int
    train_start: str
    train_stop: str
    test_start: str
    test_stop: str
    n_train: int
    train_ic: float | None
    test_ic: float | None
    importances: Mapping[str, float | None] | None = None
    train: Dates = ()
    test: Dates = ()
    errors: Judged | None = None


@dataclass(frozen=True)
class OrderCounts:
    """Orders; those still waiting at the end, and dropped; holdings that were delisted."""

    orders: int
    pending: int
    dropped: int
    delistings: int


@dataclass(frozen=True)
class Timing:
    """A stage's seconds, those of them spent on contracts, and the peak memory in it (MB)."""

    stage: str
    seconds: float
    contract_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Manifest:
    """What ran, on what, with which code.

    Parameters
    ----------
    command : str
        To type for the same run.
    config : mapping
        The resolved configuration, without secrets.
    simulated : bool
        Whether the data are invented.
    source : SourceFacts
    empty_factors : tuple of str
        Factors without a single value.
    findings : mapping of str to int
        Rows on which the policy acted, by finding.
    mends : int
        Values and bars that were mended by hand.
    plugins : tuple of PluginCode
    versions : mapping of str to str
        By package.
    seed : int
    splits : tuple of Training
        Empty without a model.
    account : OrderCounts
    bankrupt_on : str, optional
        Date.
    warnings : tuple of str
        What the run was warned of.
    timings : tuple of Timing
        In the order of the stages.
    keys : mapping of str to str
        By stage: the same for the same result (`engine.pipeline.keys`); "" for one that was not
        wanted.
    made_elsewhere : bool
        Whether the forecasts come from another program.
    """

    command: str
    config: Mapping[str, Any]
    simulated: bool
    source: SourceFacts
    empty_factors: tuple[str, ...]
    findings: Mapping[str, int]
    mends: int
    plugins: tuple[PluginCode, ...]
    versions: Mapping[str, str]
    seed: int
    splits: tuple[Training, ...]
    account: OrderCounts
    bankrupt_on: str | None
    warnings: tuple[str, ...]
    timings: tuple[Timing, ...]
    keys: Mapping[str, str]
    made_elsewhere: bool = False

    @property
    def bundle(self) -> str:
        """Name of the bundle that ran; ``run`` where it has none."""
        return str((self.config.get("bundle") or {}).get("name", "run"))

    @property
    def trains_on_later(self) -> bool:
        """Whether a training saw dates after those that it forecast: then this is no backtest."""
        return any(split.train_stop > split.test_start for split in self.splits)
