"""What libraries warn of, such as numpy and SQLAlchemy, as one line in the log."""

from __future__ import annotations

import logging
import warnings
from typing import TextIO

LOUD = ("matplotlib",)  # their warnings are of this machine's folders, not of the run


def tell_in_one_line() -> None:
    """Let `warnings` go to the log, without the path and the line of code that Python adds."""
    warnings.showwarning = _tell
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.ERROR)


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    text = (str(message).splitlines() or [""])[0]
    logging.getLogger("py.warnings").warning("%s: %s", category.__name__, text)
