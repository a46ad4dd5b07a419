"""Every run is a trial that counts: the ledger of them, and what it makes of a result."""

from __future__ import annotations

from engine.trials.counting import begin, finish
from engine.trials.database import Database
from engine.trials.explaining import explain_trial
from engine.trials.faults import LedgerError
from engine.trials.listing import list_trials, show_trial
from engine.trials.telling import compare_counted, find_ledger, tell_now
from engine.trials.trial import Row

__all__ = [
    "Database",
    "LedgerError",
    "Row",
    "begin",
    "compare_counted",
    "explain_trial",
    "find_ledger",
    "finish",
    "list_trials",
    "show_trial",
    "tell_now",
]
