"""The command line; one module or room a command."""

from __future__ import annotations

from engine.cli.prompt import main

__all__ = [
    "main",
]
