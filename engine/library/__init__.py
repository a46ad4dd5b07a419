"""The library of factors: kept values, what they stand on, and what each day adds to them."""

from __future__ import annotations

from engine.library.library import Definition, Library, tell, to_node
from engine.library.reading import Read, read_date
from engine.library.records import FREQUENCIES, Registered, State, forget, refuse_name
from engine.library.showing import Shown
from engine.library.updating import Done
from engine.library.verifying import Wrong

__all__ = [
    "FREQUENCIES",
    "Definition",
    "Done",
    "Library",
    "Read",
    "Registered",
    "Shown",
    "State",
    "Wrong",
    "forget",
    "read_date",
    "refuse_name",
    "tell",
    "to_node",
]
