"""What was asked for: composed by Hydra, refused where it must be, launched as jobs."""

from __future__ import annotations

from engine.config.compose import Package, compose_config, options, packages
from engine.config.jobs import launch
from engine.config.lines import defaults_lines, sort_fields, to_yaml, yaml_lines
from engine.config.outcome import Outcome
from engine.config.secrets import Hidden, find_secrets, hide_in_logs
from engine.config.suggestions import list_switches, suggest
from engine.config.tally import showing

__all__ = [
    "Hidden",
    "Outcome",
    "Package",
    "compose_config",
    "defaults_lines",
    "find_secrets",
    "hide_in_logs",
    "launch",
    "list_switches",
    "options",
    "packages",
    "showing",
    "sort_fields",
    "suggest",
    "to_yaml",
    "yaml_lines",
]
