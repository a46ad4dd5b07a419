"""What the kit finds."""

from typing import Any

from engine.testing import verdicts


def broken(plugin: Any) -> dict[str, str]:
    """What is said of each property that the plugin breaks."""
    return {v.property: v.message for v in verdicts(plugin) if not v.ok}
