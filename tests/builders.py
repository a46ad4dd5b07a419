"""What tests of several rooms are built of: places, values, panels, distributions, processes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd

from engine import FloatArray, Panel, Universe
from engine.plugins.costs import Standard

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
ABSENT = {name for name in ("lightgbm",) if find_spec(name) is None}  # not installed
SHARED = Path(os.environ.get("ALPHA_ENGINE_SHARED", ROOT.parent / "shared"))  # see `shared`
Shared = Callable[[str], Path]

NAN = np.nan
ALL = Universe()
FREE = Standard(0.0, 0.0, 0.0, impact_coefficient=0.0, borrow_bps=0.0)
DAILY = {"rebalance": "daily"}
CORE = "+bundle=ai_tech_core"
SMALL = [CORE, "source.n_symbols=12", "source.n_days=320", "report=none"]
LETTERS = ascii_uppercase + ascii_lowercase


def panel_of(
    close: Any,
    *,
    start: str = "2020-01-01",
    freq: str = "B",
    sectors: Iterable[str] = (),
    member: Any = None,
    **fields: Any,
) -> Panel:
    """Rows of symbols A, B, C … (S0000 … of many): on weekdays, from Wednesday 2020-01-01 on."""
    arrays = {name: np.array(rows, float) for name, rows in {"close": close, **fields}.items()}
    rows, columns = arrays["close"].shape
    numbered = [f"S{column:04}" for column in range(columns)]
    return Panel(
        dates=pd.date_range(start, periods=rows, freq=freq, tz="UTC"),
        symbols=tuple(LETTERS[:columns] if columns <= len(LETTERS) else numbered),
        fields=arrays,
        groups={"sector": tuple(sectors)} if sectors else {},
        member=None if member is None else np.array(member, bool),
    )


@dataclass
class Account:
    """What statistics read of an account."""

    dates: pd.DatetimeIndex
    net: FloatArray
    gross: FloatArray
    turnover: FloatArray
    costs: dict[str, FloatArray]
    risk_free: FloatArray
    long: FloatArray
    short: FloatArray
    interest: FloatArray
    delisting: FloatArray
    asked: FloatArray
    unfilled: dict[str, FloatArray]
    never_traded: tuple[str, ...] = ()
    decisions: dict[str, float] = field(default_factory=dict)


def digests(run: Path) -> dict[str, str]:
    """SHA-256 of each file that must be the same in two runs, by its path."""
    files = (file for end in ("parquet", "npz", "json") for file in run.rglob(f"*.{end}"))
    return {
        str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.name not in {"manifest.json", "timings.json"}
    }


def distribution(site: Path, name: str, points: str = "", about: str = "") -> Path:
    """Install a distribution by hand: its metadata, and the entry points that it has."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{about}")
    (info / "entry_points.txt").write_text(points or f"[engine]\n{name} = {name}\n")
    return info


# What a user has: no path to this checkout, and no setting of ours.
CLEAN = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "ENGINE_NO_PLUGINS"}}


def call(words: Sequence[str | Path], cwd: Path) -> str:
    """Run a user's command, which must succeed; return what it printed."""
    done = subprocess.run(words, cwd=cwd, env=CLEAN, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def check_data(words: Sequence[str]) -> int:
    """Type ``engine data check``; its mistakes are raised."""
    from engine.cli import main

    return main(["data", "check", *words, "--debug"])


def ours(*paths: Path, **variables: str) -> dict[str, str]:
    """An environment in which `engine` is this checkout's."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [ROOT, *paths])), **variables}


def start(words: Sequence[str], cwd: Path, *paths: Path, **variables: str) -> subprocess.Popen[str]:
    """Begin a command of this checkout's, with these folders on its path."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *words],
        cwd=cwd,
        env=ours(*paths, **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


PATIENCE = 600.0  # seconds that a machine with other work may take


def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
