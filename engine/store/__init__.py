"""What was computed, on disk: the folders of runs and sweeps, and the files in them."""

from __future__ import annotations

from engine.store.artifacts import read_json, read_table, refuse_unfinished, stamp
from engine.store.folders import MARKER, check_name, refuse_foreign, settle, taken, tell_left

__all__ = [
    "MARKER",
    "check_name",
    "read_json",
    "read_table",
    "refuse_foreign",
    "refuse_unfinished",
    "settle",
    "stamp",
    "taken",
    "tell_left",
]
