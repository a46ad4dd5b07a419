"""Configuration files as Hydra reads them, and what is wrong with one: file, line and column.

A file is scanned before anything is built from it, for two kinds of small files become large
ones: nested brackets, and aliases of aliases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from engine.config.private import file_config_source, get_yaml_loader
from engine.core.errors import ConfigError

DEEP = 50  # levels
DIGITS = 100  # of a whole number
HEADER = 512  # characters, in which Hydra looks for a file's package
LARGE = 200_000  # values, with those of aliases counted where they are put in
YAML = "tag:yaml.org,2002:"
PLAIN = {f"{YAML}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}
PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's own source of files, with one line for whatever is wrong with a file.

    It has the name of Hydra's, which a worker's registry then takes for it, and leaves out.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        """Return what a file holds; ConfigError names the place that cannot be read."""
        file = Path(self.path, self._normalize_file_name(config_path))
        if not file.is_file():
            return super().load_config(config_path)  # which says so
        text = read_plain(file)
        try:
            content = yaml.load(text, Loader=_loader())  # noqa: S506 — a safe one, see there
            if not isinstance(content, (dict, list, str, type(None))):
                raise ValueError(f"Invalid loaded object type: {type(content).__name__}")
            return ConfigResult(
                provider=self.provider,
                path=f"{self.scheme()}://{self.path}",
                config=OmegaConf.create({} if content is None else content),
                header=ConfigSource._get_header_dict(text[:HEADER]),
            )
        except yaml.MarkedYAMLError as error:
            raise _explain(file, error, text) from error
        except OmegaConfBaseException as error:  # half an interpolation
            key, what = str(error.full_key or ""), str(error).splitlines()[0]
            raise ConfigError(f"{_at(file, _mark(text, key))}: {key}: {what}") from error
        except (OSError, ValueError) as error:
            raise ConfigError(f"{file}: {_line(error)}") from error


@cache
def _loader() -> Any:
    """OmegaConf's loader over libyaml's parser, which is ten times as fast as Python's."""
    rules = get_yaml_loader()  # over yaml.SafeLoader
    if PARSER is yaml.SafeLoader:
        return rules
    parser: Any = vars(yaml.cyaml)["CParser"]

    def start(self: Any, stream: str) -> None:
        parser.__init__(self, stream)
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)

    return type("Loader", (parser, rules), {"__init__": start})


def read_plain(file: Path) -> str:
    """Return a file's text; ConfigError unless it is YAML of plain values, of sensible size."""
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        at = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        raise ConfigError(
            f"{_place(file, *at)}: the byte 0x{error.object[error.start]:02x} is not UTF-8: save "
            "the file as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    try:
        _Scan(file).read(text)
    except yaml.MarkedYAMLError as error:
        raise _explain(file, error, text) from error
    except yaml.reader.ReaderError as error:
        head = text[: error.position]
        at = head.count("\n") + 1, len(head) - head.rfind("\n")
        raise ConfigError(f"{_place(file, *at)}: a control character: take it out") from error
    return text


@dataclass
class _Scan:
    """Counts levels and values while a file's events go by."""

    file: Path
    sizes: list[int] = field(default_factory=lambda: [0])  # values so far, by open level
    anchors: dict[str, int] = field(default_factory=dict)
    names: list[str | None] = field(default_factory=list)  # anchors of the open levels

    def read(self, text: str) -> None:
        """Go through all of a text."""
        for event in yaml.parse(text, Loader=PARSER):
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._count(self.sizes.pop() + 1, self.names.pop(), event)

    def _node(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in self.names:
                self._refuse(event, f"*{event.anchor} stands inside itself: write it out")
            self._count(self.anchors.get(str(event.anchor), 1), None, event)
            return
        if event.tag is not None and event.tag not in PLAIN:
            tag = event.tag.replace(YAML, "!!")
            self._refuse(event, f"the tag {tag} makes no plain value: take it out")
        if isinstance(event, yaml.ScalarEvent):
            if len(event.value) > DIGITS and event.value.strip("+-_").isdigit():
                self._refuse(event, f"a number of {len(event.value)} digits: write fewer")
            self._count(1, event.anchor, event)
            return
        self.sizes.append(0)
        self.names.append(event.anchor)
        if len(self.sizes) > DEEP:
            self._refuse(event, f"more than {DEEP} levels, one inside the other: nest less")

    def _count(self, size: int, anchor: str | None, event: Any) -> None:
        self.sizes[-1] += size
        if anchor is not None:
            self.anchors[anchor] = size
        if self.sizes[-1] > LARGE:
            self._refuse(event, f"more than {LARGE} values, counted with aliases: write fewer")

    def _refuse(self, event: Any, what: str) -> None:
        raise ConfigError(f"{_at(self.file, event.start_mark)}: {what}")


def _explain(file: Path, error: yaml.MarkedYAMLError, text: str) -> ConfigError:
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    what = ", ".join(_line(part) for part in (error.problem, error.context) if part)
    if began and mark and began.line != mark.line:
        what = f"{what} that begins in line {began.line + 1}"
    lines = text.splitlines()
    if mark and mark.line < len(lines) and lines[mark.line][mark.column :].startswith("\t"):
        what = "a tab: indent with blanks"
    return ConfigError(f"{_at(file, mark)}: {what or 'this is not YAML'}")


def _mark(text: str, key: str) -> Any:
    """Where the value of a key begins."""
    node: Any = yaml.compose(text, Loader=PARSER)
    for step in re.findall(r"[^.\[\]]+", key):
        if isinstance(node, yaml.MappingNode):
            node = next((value for name, value in node.value if name.value == step), node)
        elif isinstance(node, yaml.SequenceNode) and step.isdigit():
            node = node.value[int(step)]
    return node.start_mark


def _at(file: Path, mark: Any) -> str:
    return _place(file, mark.line + 1, mark.column + 1) if mark else str(file)


def _place(file: Path, line: int, column: int) -> str:
    return f"{file}, line {line}, column {column}"


def _line(error: object) -> str:
    return " ".join(str(error).split())[:200]
