"""Fixtures for the tests of plugin authors; pytest loads this module whenever it starts.

So it imports nothing but pytest: the engine comes in with the first test that asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from engine.core.panel import Panel


@pytest.fixture
def engine_panel() -> Panel:
    """A small market with the dirt of real ones; see `engine.testing.small_panel`."""
    from engine.checks import small_panel

    return small_panel()


@pytest.fixture
def engine_check() -> Callable[..., None]:
    """`engine.testing.check`: raises PluginError unless a plugin keeps its contract."""
    from engine.testing.checks import check

    return check
