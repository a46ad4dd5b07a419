"""What score, forecasts and factors knew where: in each sector, size, regime and year.

1. A part by name (sector, size) compares the names in it with one another, on each date; a part by
   date (regime, year) takes its dates out of the rank ICs of all names.
2. Who is where goes by what was known at the close: the last sector told, the size of that day.
3. Names are ranked once, among all of their date: a rank in a part follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.core.groups import Dated, number_labels
from engine.core.panel import BoolArray, FloatArray, Panel
from engine.expr import evaluate
from engine.kernels.parts import correlate_parts
from engine.kernels.ranks import average_ranks
from engine.kernels.threads import blocks_of, share
from engine.study.ic import RankedOutcome, newey_west_each, overlap_lags
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

    @cached_property
    def codes(self) -> tuple[Codes, int]:
        """Each cell's part among all of `by_name`, by each of B ways, (T, B, N); how many parts."""
        count, made = 0, []
        for labels, codes in self.by_name.values():
            made.append(np.where(codes < 0, np.int16(-1), codes.astype(np.int16) + np.int16(count)))
            count += len(labels)
        T, N = self.panel.shape
        return np.stack(made, axis=1) if made else np.empty((T, 0, N), np.int16), count

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
    ranks: Mapping[str, FloatArray],
    outcome: RankedOutcome,
    parts: Parts,
    horizon: int,
) -> pd.DataFrame:
    """Mean rank IC of each name in each part.

    Parameters
    ----------
    studies : mapping of str to Study
        Whose rank ICs are divided by date.
    ranks : mapping of str to float array, shape (T, N)
        Of the values of the same names, per date; NaN is skipped.
    outcome : RankedOutcome
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
    rows = []
    for name, made in studies.items():
        inside = _correlate_parts(ranks[name], outcome, parts)
        series = np.concatenate([inside, _divide(made.rank_ic, parts)])
        tests = newey_west_each(series, overlap_lags(horizon))
        for (by, label), test in zip(parts.names, tests, strict=True):
            told = (test.mean, test.standard_error, test.t, test.p, test.n)
            rows.append((name, by, label, *told))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _correlate_parts(ranks: FloatArray, outcome: RankedOutcome, parts: Parts) -> FloatArray:
    """Rank ICs in each part by name, shape (P, T)."""
    codes, count = parts.codes
    made = np.empty((len(ranks), count))
    share(
        blocks_of(*ranks.shape),
        lambda rows: correlate_parts(ranks[rows], outcome.twice[rows], codes[rows], made[rows]),
    )
    return made.T


def _divide(series: FloatArray, parts: Parts) -> FloatArray:
    """The rank ICs of the rows of each part by date, shape (P, T)."""
    divided = [codes == np.arange(len(labels))[:, None] for labels, codes in parts.by_date.values()]
    return np.where(np.concatenate(divided), series, np.nan)
