"""What Hydra offers to complete a word with: groups, their files, keys and their values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hydra.plugins.completion_plugin import DefaultCompletionPlugin

from engine.config.compose import ROOT, hydra_over
from engine.config.private import get_args_parser

REFUSED = {"--experimental-rerun", "--shell-completion"}  # a pickle; and ours is another


def suggest(words: Sequence[str], incomplete: str) -> list[str]:
    """Return whole words that may stand where an override has been begun.

    Parameters
    ----------
    words : sequence of str
        The overrides that were typed before it, and ``-m`` for a sweep.
    incomplete : str
        What is there of it; may be empty.
    """
    line = " ".join([*(word for word in words if not re.search(r"\s", word)), incomplete])
    with hydra_over() as hydra:
        found: list[str] = DefaultCompletionPlugin(hydra.config_loader)._query(ROOT, line)
    return found


def list_switches() -> list[str]:
    """Return Hydra's own switches that the engine takes, such as ``--cfg``."""
    found = {*re.findall(r"--[a-z][\w-]*", get_args_parser().format_usage())}
    return sorted(found - REFUSED)
