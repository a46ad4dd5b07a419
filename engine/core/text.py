r"""Text from data is text: what would steer a terminal is shown as one would write it.

A symbol such as ``"\x1b[31mX"`` is shown with its backslash, on the screen, in logs and in files.
"""

from __future__ import annotations

import copy
import logging
import re
from typing import IO, Any

# controls, ends of lines and paragraphs, marks of direction, halves of characters
STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LINES = "\n\t"  # what a text of several lines may hold


def escape(text: str, keep: str = "") -> str:
    r"""Return a text with escapes such as ``\x1b`` and ``\n`` in place of what steers."""

    def replace(found: re.Match[str]) -> str:
        sign = found.group()
        return sign if sign in keep else sign.encode("unicode_escape").decode()

    return STEERS.sub(replace, text)


def quote(text: str) -> str:
    """Return a text as a value in Hydra's grammar of overrides, which reads it back."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Screen:
    """A stream that writes lines, and sends nothing else to the terminal."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text, shown."""
        return self.stream.write(escape(text, LINES))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Lines(logging.Formatter):
    """Formats as another formatter does; a message is one line, and nothing in it steers."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, and its traceback below it."""
        safe = copy.copy(record)
        safe.msg, safe.args, safe.exc_text = escape(record.getMessage()), None, None
        return escape(self.inner.format(safe), LINES)


def guard_logs() -> None:
    """Have the handlers of the root logger write `Lines`."""
    for handler in logging.getLogger().handlers:
        inner = handler.formatter or logging.Formatter()
        if not isinstance(inner, Lines):
            handler.setFormatter(Lines(inner))
