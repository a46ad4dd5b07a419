"""What was asked for: composed by Hydra, refused where it must be, launched as jobs."""

from __future__ import annotations

from engine.config.compose import Package, composed, options, packages
from engine.config.jobs import launch
from engine.config.lines import ordered, written, yaml_lines
from engine.config.outcome import Outcome
from engine.config.secrets import Hidden, hidden, hide_in_logs
from engine.config.suggestions import list_switches, suggest

__all__ = [
    "Hidden",
    "Outcome",
    "Package",
    "composed",
    "hidden",
    "hide_in_logs",
    "launch",
    "list_switches",
    "options",
    "ordered",
    "packages",
    "suggest",
    "written",
    "yaml_lines",
]
