"""Every run is a trial that counts: the ledger of them, and what it makes of a result."""

from __future__ import annotations

from engine.trials.counting import begin, finish
from engine.trials.database import Database
from engine.trials.faults import LedgerError

__all__ = ["Database", "LedgerError", "begin", "finish"]
