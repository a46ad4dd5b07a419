"""The conf node ``too_good``: results that nobody gets from the past alone are named so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.core.options import Options, option

IC = "rank_ic."  # of the score, a forecast or a factor, by name
SHARPE = "sharpe"
LOOK = "look for what was not known then: a shifted factor, a later revision, a price of the future"


@dataclass(frozen=True)
class TooGood(Options):
    """From where on a result is called too good to be true; null never calls it so."""

    config_key: ClassVar[str] = "too_good"

    ic: float | None = option(
        0.2, "mean rank IC, of either sign, of the score, a forecast or a factor", ge=0.0, le=1.0
    )
    sharpe: float | None = option(4.0, "net Sharpe ratio", unit="per year", ge=0.0)

    def find(self, content: Mapping[str, Any]) -> dict[str, dict[str, float]]:
        """Return each result beyond its limit: ``value`` and ``limit``, by name.

        Parameters
        ----------
        content : mapping
            Of `engine.study.metrics.collect`.
        """
        studies = {"mf_score": content["signal"], **content["forecasts"], **content["factors"]}
        ics = {f"{IC}{name}": study["rank_ic_mean"] for name, study in studies.items()}
        sharpe = {SHARPE: content["performance"]["net"]["sharpe"]}
        return {
            name: {"value": value, "limit": limit}
            for values, limit in ((ics, self.ic), (sharpe, self.sharpe))
            for name, value in values.items()
            if limit is not None and value is not None
            if (value if name == SHARPE else abs(value)) > limit
        }


def too_good_line(found: Mapping[str, Mapping[str, float]]) -> str:
    """Return what is too good, and where to look, in one line."""
    parts = []
    for name, row in found.items():
        key = SHARPE if name == SHARPE else "ic"
        what = "the net Sharpe ratio" if name == SHARPE else f"the rank IC of {name[len(IC) :]}"
        parts.append(f"{what} is {row['value']:.2f} (too_good.{key}={row['limit']:g})")
    return f"too good to be true: {', '.join(parts)}; {LOOK}"
