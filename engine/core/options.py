"""Options: fields that a configuration fills in, and the rules that their values keep.

A class whose fields are options is a frozen dataclass that derives from `Options`. The rules
stand in the class, so they hold however an instance is built: from YAML, in Python, or by
`dataclasses.replace`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from functools import wraps
from typing import Any, ClassVar

from engine.core.errors import ConfigError, did_you_mean

LARGEST = 2**53  # whole numbers beyond are no float, and no number of anything
BOUNDS = ("ge", "gt", "le", "lt")


def option(
    default: Any,
    help: str,
    *,
    unit: str = "",
    choices: Sequence[object] = (),
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    file: bool = False,
    plugins: Mapping[str, str] | str = "",
) -> Any:
    """A field of a plugin, with what its user needs to know.

    Parameters
    ----------
    default : object
        The default; its type, as annotated, is enforced. Lists and dicts are copied.
    help : str
        One line: what the value means.
    unit : str
        Its unit, such as ``"bps"`` or ``"trading days"``.
    choices : sequence
        The allowed values, when they are few.
    ge, gt : float, optional
        Lower bound: the value may be equal to it (`ge`), or must be above it (`gt`).
    le, lt : float, optional
        Upper bound: the value may be equal to it (`le`), or must be below it (`lt`).
    file : bool
        Whether it names a file, a folder or a pattern of files that the plugin reads: what stands
        in them counts as part of the configuration.
    plugins : str, or mapping of str to str
        Of a field that holds a plugin, or plugins by their keys: the names of those that its
        configuration begins with.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata: dict[str, Any] = {"help": help, "unit": unit, "choices": tuple(choices), **bounds}
    metadata |= {"file": True} if file else {}
    metadata |= {"plugins": plugins} if plugins else {}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


class OptionError(ConfigError):
    """A value that an option does not take: ``model.alpha=-5: choose 0.0 or more``.

    Parameters
    ----------
    key : str
        Where the class stands in a configuration.
    fault : str
        The option, its value and what to write instead.
    """

    def __init__(self, key: str, fault: str) -> None:
        super().__init__(f"{key}.{fault}")
        self.key, self.fault = key, fault

    def __reduce__(self) -> tuple[type[OptionError], tuple[str, str]]:
        return type(self), (self.key, self.fault)  # a worker's error reaches its parent


class Options:
    """A frozen dataclass whose fields are options; their rules hold however it is built."""

    config_key: ClassVar[str] = ""
    """Where it stands in a configuration, such as ``validation``; messages begin with it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls).get("__post_init__")
        if own is not None:
            cls.__post_init__ = _after_rules(own)  # type: ignore[method-assign]

    def __post_init__(self) -> None:
        """Refuse values that break a rule; a class's own `__post_init__` runs after this."""
        refuse_broken_rules(self)


def _after_rules(own: Callable[..., None]) -> Callable[..., None]:
    @wraps(own)
    def both(self: Options, *args: Any) -> None:
        refuse_broken_rules(self)
        own(self, *args)

    return both


def refuse_broken_rules(made: Any) -> None:
    """Raise OptionError at the first field whose value its option does not take."""
    for each in fields(made):
        value = getattr(made, each.name)
        wanted = _describe_wanted(value, each.metadata)
        if value is None and each.metadata.get("plugins"):
            wanted = f"choose a plugin, such as {each.metadata['plugins']}"
        if wanted:
            key = made.config_key or getattr(made, "name", type(made).__name__)
            raise OptionError(key, f"{each.name}={in_yaml(value)}: {wanted}")


def _describe_wanted(value: Any, rules: Mapping[str, Any]) -> str:
    """What to write in place of a value that breaks a rule, else ""."""
    choices, bounds = rules.get("choices", ()), describe_bounds(rules)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value in choices:
        return ""
    if choices and not bounds:
        return did_you_mean(in_yaml(value), map(in_yaml, choices))
    if choices:
        bounds = f"{', '.join(map(in_yaml, choices))}, or a number {bounds}"
    if choices and not number:
        return f"choose {bounds}"
    if isinstance(value, float) and not math.isfinite(value):
        return "write a finite number"
    if isinstance(value, int) and abs(value) > LARGEST:
        return "write a smaller number"
    return "" if not number or _is_within(value, rules) else f"choose {bounds}"


def _is_within(value: float, rules: Mapping[str, Any]) -> bool:
    ge, gt, le, lt = (rules.get(bound) for bound in BOUNDS)
    return (
        (ge is None or value >= ge)
        and (gt is None or value > gt)
        and (le is None or value <= le)
        and (lt is None or value < lt)
    )


def describe_bounds(rules: Mapping[str, Any]) -> str:
    """The bounds of an option in words: ``from 0 to 1``, ``more than 0``; "" without any."""
    ge, gt, le, lt = (rules.get(bound) for bound in BOUNDS)
    if ge is not None and le is not None:
        return f"from {ge} to {le}"
    low = "" if ge is None else f"{ge} or more"
    low = low if gt is None else f"more than {gt}"
    high = "" if le is None else f"at most {le}"
    high = high if lt is None else f"less than {lt}"
    return ", ".join(filter(None, (low, high)))


def in_yaml(value: Any) -> str:
    """A value as it is written in YAML."""
    plain = {"None": "null", "True": "true", "False": "false"}
    return plain.get(str(value), str(value)) if not isinstance(value, str) else value
