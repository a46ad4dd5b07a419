"""What ``bars.parquet`` does not hold of a panel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.core.groups import Dated
from engine.core.panel import Panel

REST = "panel"  # of a panel, what is no bar


@dataclass(frozen=True, eq=False)
class Rest:
    """What ``bars.parquet`` does not hold of a panel: membership, labels, series, axes."""

    panel: Panel

    def save(self, folder: Path) -> None:
        """Write ``panel.npz``."""
        panel = self.panel
        arrays = {
            "dates": panel.dates.asi8,
            "unit": np.array(panel.dates.unit),
            "symbols": np.array(panel.symbols, str),
            "member": np.packbits(panel.member),
            "numbers": np.array([panel.periods_per_year, panel.quorum]),
            **{f"series.{name}": array for name, array in panel.series.items()},
        }
        for name, grouping in panel.groups.items():
            if isinstance(grouping, Dated):
                arrays[f"labels.{name}"] = np.array(grouping.names, str)
                arrays[f"codes.{name}"] = np.asarray(grouping.codes)
            else:
                arrays[f"labels.{name}"] = np.array(grouping, str)
        np.savez(folder / f"{REST}.npz", allow_pickle=False, **arrays)
