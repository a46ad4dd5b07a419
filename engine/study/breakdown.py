"""What score, forecasts and factors knew where: in each sector, size, regime and year.

1. A part by name (sector, size) compares the names in it with one another, on each date; a part by
   date (regime, year) takes its dates out of the rank ICs of all names.
2. Who is where goes by what was known at the close: the last sector told, the size of that day.
3. A part by name is gathered into fewer columns before it is ranked, for the order of names says
   nothing, and most of a row would be empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.groups import Dated, number_labels
from engine.core.panel import BoolArray, FloatArray, Panel
from engine.expr import evaluate
from engine.kernels.ranks import average_ranks
from engine.study.ic import RankedOutcome, correlate, newey_west_t, overlap_lags
from engine.study.metrics import Study
from engine.study.quantiles import buckets
from engine.study.regimes import find_likeliest

UNKNOWN = "unknown"
SIZES = ("small", "medium", "large")  # thirds of the names of a date
CAP = "cap"  # the field of the bars that is the market capitalisation
VOLUME = "ts_median(close * volume, 20)"  # what stands for it where there is none
COLUMNS = ("name", "by", "part", "rank_ic", "standard_error", "t", "p", "dates")

Codes = npt.NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class Parts:
    """Into which parts the rows, and the cells, are divided.

    Parameters
    ----------
    panel : Panel
    known : bool array, shape (T, N)
        Where a value could be: members with a bar.
    regimes : float array, shape (T, S)
    states : sequence of str, length S
    """

    panel: Panel
    known: BoolArray
    regimes: FloatArray
    states: Sequence[str]

    @cached_property
    def by_name(self) -> dict[str, tuple[tuple[str, ...], Codes]]:
        """Labels, and the place of each cell's among them, (T, N); -1 where it has none."""
        found = {"sector": self._sectors(), "size": self._sizes()}
        return {by: made for by, made in found.items() if made is not None}

    @cached_property
    def by_date(self) -> dict[str, tuple[tuple[str, ...], Codes]]:
        """Labels, and the place of each row's among them, (T,); -1 where it has none."""
        year = self.panel.dates.year.to_numpy()
        years, place = np.unique(year, return_inverse=True)
        return {
            "regime": (tuple(self.states), find_likeliest(self.regimes)),
            "year": (tuple(map(str, years.tolist())), place),
        }

    @property
    def names(self) -> list[tuple[str, str]]:
        """By what, and which part, in the order of the table."""
        divided = {**self.by_name, **self.by_date}
        return [(by, label) for by, (labels, _) in divided.items() for label in labels]

    def _sectors(self) -> tuple[tuple[str, ...], Codes] | None:
        """None where no sector is known."""
        sectors = self.panel.groups.get("sector", ())
        if isinstance(sectors, Dated):
            labels, codes = sectors.names, sectors.codes
        else:
            labels, codes = tuple(sorted(set(sectors))), number_labels(sectors)
        named = sorted(label for label in labels if label)
        if not named:
            return None
        listed = (*named, *([UNKNOWN] if "" in labels else []))
        place = np.array([listed.index(label or UNKNOWN) for label in labels], np.int16)
        return listed, np.where(self.known, place[codes], np.int16(-1))

    def _sizes(self) -> tuple[tuple[str, ...], Codes] | None:
        """None where neither capitalisation nor volume is known."""
        if CAP in self.panel:
            size = self.panel[CAP]
        elif "volume" in self.panel:
            size = evaluate({"size": VOLUME}, self.panel)["size"]
        else:
            return None
        ranks = average_ranks(np.where(self.known & np.isfinite(size), size, np.nan))
        return SIZES, buckets(ranks, len(SIZES))


def breakdown_table(
    studies: Mapping[str, Study],
    selected: Mapping[str, FloatArray],
    outcomes: FloatArray,
    parts: Parts,
    horizon: int,
) -> pd.DataFrame:
    """Mean rank IC of each name in each part.

    Parameters
    ----------
    studies : mapping of str to Study
        Whose rank ICs are divided by date.
    selected : mapping of str to float array, shape (T, N)
        The values of the same names; NaN is skipped.
    outcomes : float array, shape (T, N)
        What came after them; NaN is skipped.
    parts : Parts
    horizon : int
        Rows that the outcome spans.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``by`` (sector, size, regime, year), ``part``, ``rank_ic`` (mean over its dates;
        those with fewer than 3 names of the part have none), ``standard_error``, ``t`` and ``p``
        (`MeanTest`), ``dates``. NaN with fewer than two dates.
    """
    series = {name: dict(_divide(made.rank_ic, parts)) for name, made in studies.items()}
    for by, label, cells in _each_cells(parts):
        gather = _Gathered.of(cells)
        outcome = RankedOutcome.of(gather(outcomes))
        for name, values in selected.items():
            found = correlate(gather(values), outcome, pearson=False)
            series[name][by, label] = found.rank_ic
    rows = []
    for name, made in series.items():
        for by, label in parts.names:
            test = newey_west_t(made[by, label], overlap_lags(horizon))
            told = (test.mean, test.standard_error, test.t, test.p, test.n)
            rows.append((name, by, label, *told))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _divide(series: FloatArray, parts: Parts) -> Iterator[tuple[tuple[str, str], FloatArray]]:
    for by, (labels, codes) in parts.by_date.items():
        for place, label in enumerate(labels):
            yield (by, label), np.where(codes == place, series, np.nan)


def _each_cells(parts: Parts) -> Iterator[tuple[str, str, BoolArray]]:
    for by, (labels, codes) in parts.by_name.items():
        for place, label in enumerate(labels):
            yield by, label, codes == place


@dataclass(frozen=True, eq=False)
class _Gathered:
    """Some cells of each row, side by side from its first column on."""

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    places: npt.NDArray[np.intp]
    shape: tuple[int, int]

    @classmethod
    def of(cls, cells: BoolArray) -> _Gathered:
        rows, columns = np.nonzero(cells)
        count = cells.sum(axis=1)
        places = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
        return cls(rows, columns, places, (len(cells), int(count.max(initial=0))))

    def __call__(self, values: FloatArray) -> FloatArray:
        made: FloatArray = np.full(self.shape, np.nan)
        made[self.rows, self.places] = values[self.rows, self.columns]
        return made
