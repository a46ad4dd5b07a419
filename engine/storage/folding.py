"""Which files of a few dates are folded into one.

Files of single dates become one of DAYS dates, and MONTHS of these one of about a year, so that
250 appended days are read from some forty files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.storage.rows import Segment

DAYS, MONTHS = 21, 12
YEAR = DAYS * MONTHS


def choose(segments: Sequence[Segment]) -> list[Segment]:
    """Return the first files that are to become one, in the order of their dates, if any.

    They are of the same series and symbols. None shares a cell with another file: what lies on
    top of what is told by commits, and those of a folded file are many.
    """
    for least, limit, count in ((1, DAYS, DAYS), (DAYS, YEAR, MONTHS)):
        for group in _group(segments):
            if sum(least <= len(segment.dates) < limit for segment in group) < count:
                continue
            run: list[Segment] = []
            for segment in group:
                if not least <= len(segment.dates) < limit or _is_shared(segment, segments):
                    run = []
                    continue
                run.append(segment)
                if len(run) == count:
                    return run
    return []


def _group(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Files of the same series, symbols and type, each in the order of their dates."""
    groups: dict[tuple[bytes, int, str], list[Segment]] = {}
    for segment in segments:
        kind = (segment.kind, segment.symbols, segment.dtype)
        groups.setdefault(kind, []).append(segment)
    return [sorted(group, key=lambda s: int(s.dates[0])) for group in groups.values()]


def _is_shared(segment: Segment, segments: Iterable[Segment]) -> bool:
    series = {*segment.series.tolist()}
    return any(
        other.id != segment.id
        and other.dates[0] <= segment.dates[-1]
        and segment.dates[0] <= other.dates[-1]
        and not series.isdisjoint(other.series.tolist())
        for other in segments
    )
