"""From plain JSON to dataclasses: what is kept, what may be missing, and the line for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import DataError
from engine.storage.typed import to_typed

FILE = Path("run/things.json")


@dataclass(frozen=True)
class Part:
    size: float | None
    origin: str = field(metadata={"key": "from"})


@dataclass(frozen=True)
class Thing:
    name: str
    count: int
    parts: tuple[Part, ...]
    named: Mapping[str, Part]
    free: Mapping[str, Any]
    late: bool = False


WHOLE: dict[str, Any] = {
    "name": "a",
    "count": 2,
    "parts": [{"size": 1, "from": "x"}, {"size": None, "from": "y", "colour": "red"}],
    "named": {"b": {"size": 0.5, "from": "z"}},
    "free": {"c": [1, {"d": None}]},
    "unknown": 3,
}


def test_blocks_become_dataclasses_and_unknown_keys_are_left_alone() -> None:
    assert to_typed(Thing, WHOLE, FILE) == Thing(
        name="a",
        count=2,
        parts=(Part(1, "x"), Part(None, "y")),
        named={"b": Part(0.5, "z")},
        free={"c": [1, {"d": None}]},
        late=False,
    )


def test_a_number_stays_what_it_is() -> None:
    """1 is not made 1.0, which would print otherwise."""
    assert type(to_typed(Thing, WHOLE, FILE).parts[0].size) is int


def test_missing_keys_are_one_line_that_names_file_and_keys() -> None:
    lacking = {key: value for key, value in WHOLE.items() if key not in {"name", "count"}}
    with pytest.raises(DataError) as told:
        to_typed(Thing, lacking, FILE)
    assert str(told.value) == (
        "run/things.json: lacks count, name, so another version wrote it; run the bundle again"
    )


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"parts": [{"size": 1.0, "from": "x"}, {"size": 1.0}]}, "parts.1.from"),
        ({"named": {"b": {"from": "z"}}}, "named.b.size"),
    ],
)
def test_a_missing_key_of_a_block_is_named_with_its_place(change: dict[str, Any], key: str) -> None:
    with pytest.raises(DataError, match=rf"^run/things\.json: lacks {key}, so another version"):
        to_typed(Thing, {**WHOLE, **change}, FILE)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({**WHOLE, "count": "2"}, "count is of type str"),
        ({**WHOLE, "count": 2.5}, "count is of type float"),
        ({**WHOLE, "count": True}, "count is of type bool"),
        ({**WHOLE, "count": None}, "count is of type NoneType"),
        ({**WHOLE, "late": 1}, "late is of type int"),
        ({**WHOLE, "parts": {}}, "parts is of type dict"),
        ({**WHOLE, "named": {"b": 3}}, "named.b is of type int"),
        ([], "its content is of type list"),
    ],
)
def test_another_type_is_one_line_too(content: object, told: str) -> None:
    with pytest.raises(DataError) as error:
        to_typed(Thing, content, FILE)
    assert str(error.value) == (
        f"run/things.json: {told}, so another version wrote it; run the bundle again"
    )
