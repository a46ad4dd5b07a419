"""What all kinds of plugin share."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from typing import ClassVar

from engine.core.options import Options


class Kind(Options, ABC):
    """What all plugins share: a name, and fields that are their configuration.

    A kind is a class that derives from this one. Its `kind_name` is what ``engine plugins`` calls
    it; in the plural it is the room of the built-ins and, after ``register_``, the hook.
    `config_key` is the conf group that chooses one of them, where there is one. A distribution
    with a kind of its own hands it in by the hook ``register_kinds``.
    """

    kind_name: ClassVar[str] = ""
    name: ClassVar[str]

    @classmethod
    def kind_hook(cls) -> str:
        """The hook that plugins of this kind are handed in by."""
        return f"register_{cls.kind_name}s"

    def kind_properties(self) -> Sequence[tuple[str, Callable[[], None]]]:
        """What the conformance kit asks of a plugin: a name each, and a call that raises.

        The kit knows the properties of the engine's own kinds; those of another kind stand here.
        """
        return ()
