"""Who may extend the engine, and on what terms: hooks, registry, admission, the guard."""

from __future__ import annotations

from engine.plugin.admission import advice, code_hash
from engine.plugin.checked import find_audit, find_checker, record, record_audit
from engine.plugin.guard import Guard, calling, guarding, is_ours, lend, seconds, take_over
from engine.plugin.hookspecs import hookimpl
from engine.plugin.opened import (
    Opened,
    find_file_options,
    list_declared,
    list_places,
    pausing,
    watching,
)
from engine.plugin.provenance import engine_identity, identity, places, tree
from engine.plugin.registry import HOME, NO_PLUGINS, Entry, Failure, Registry, installed

__all__ = [
    "HOME",
    "NO_PLUGINS",
    "Entry",
    "Failure",
    "Guard",
    "Opened",
    "Registry",
    "advice",
    "calling",
    "code_hash",
    "engine_identity",
    "find_audit",
    "find_checker",
    "find_file_options",
    "guarding",
    "hookimpl",
    "identity",
    "installed",
    "is_ours",
    "lend",
    "list_declared",
    "list_places",
    "pausing",
    "places",
    "record",
    "record_audit",
    "seconds",
    "take_over",
    "tree",
    "watching",
]
