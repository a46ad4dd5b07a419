"""The templates of this room: what they are given is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.text import LINES, escape

if TYPE_CHECKING:
    from jinja2 import Environment


def environment() -> Environment:
    """The templates of this room: what they are given is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("engine.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: escape(value, LINES) if type(value) is str else value,
    )
