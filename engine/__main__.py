"""The program: ``engine``, and ``python -m engine``, with the commands of every room."""

from __future__ import annotations

import sys

from engine.cli import OWN
from engine.cli import main as prompt
from engine.core.command import Command

COMMANDS: tuple[Command, ...] = (*OWN,)  # a room with a command of its own adds it here


def main() -> int:
    """Run the command line."""
    return prompt(None, COMMANDS)


if __name__ == "__main__":
    sys.exit(main())
