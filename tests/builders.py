"""What tests of several rooms are built of: places, and values that they begin with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
SHARED = Path(os.environ.get("ALPHA_ENGINE_SHARED", ROOT.parent / "shared"))  # see `shared`
Shared = Callable[[str], Path]
