"""A panel on disk: ``bars.parquet``, and what that does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from engine.core.errors import DataError
from engine.core.groups import Dated, Grouping
from engine.core.panel import Panel
from engine.storage import Artifacts

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


def panel_of(files: Artifacts) -> Panel:
    """Read a panel back, from ``bars.parquet`` and ``panel.npz``."""
    path = files.path / f"{REST}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            rest = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise DataError(f"{path}: cannot be read; run the bundle again") from error
    dates = pd.DatetimeIndex(rest["dates"].view(f"M8[{rest['unit']}]"), tz="UTC")
    symbols = tuple(rest["symbols"].tolist())
    shape = (len(dates), len(symbols))
    member = np.unpackbits(rest["member"], count=shape[0] * shape[1]).reshape(shape).astype(bool)
    return replace(
        Panel.from_long(files.table("bars"), dates=dates, symbols=symbols),
        groups={name: _grouping(rest, name) for name in _find_names(rest, "labels")},
        series={name: rest[f"series.{name}"] for name in _find_names(rest, "series")},
        member=member,
        periods_per_year=float(rest["numbers"][0]),
        quorum=float(rest["numbers"][1]),
    )


def _find_names(rest: Mapping[str, object], what: str) -> list[str]:
    return [name.partition(".")[2] for name in rest if name.partition(".")[0] == what]


def _grouping(rest: Mapping[str, np.ndarray], name: str) -> Grouping:
    labels = tuple(rest[f"labels.{name}"].tolist())
    codes = rest.get(f"codes.{name}")
    return labels if codes is None else Dated(labels, codes)
