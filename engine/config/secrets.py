"""Secrets stay out of files: what came from the environment, and what looks like a password.

1. A value that an interpolation takes from ``${oc.env:NAME}`` is written as that interpolation.
2. The same text anywhere else (a log, an error) is written as ``${oc.env:NAME}`` too, where it
   is long enough to be told from other words, no number and nobody's ``name``.
3. Passwords and parameters of URLs, and what follows ``password=``, ``token=`` and the like, are
   written as ``***``.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf

STARS = "***"
LONG = 6  # characters: shorter values are words that stand in a log anyhow
ENV = re.compile(r"\$\{\s*oc\.env\s*:\s*['\"]?(\w+)|^env:(\w+)$")
URL = re.compile(r"[a-zA-Z][\w+.-]*\\?://[^\s'\"]+")  # Hydra writes \: in a sweep
PASSWORD = re.compile(r"(://[^:@/?]*):.*@")  # up to the last @, whatever is in it
PARAMETER = re.compile(r"([?&;][^=&;#]+=)[^&;#]*")
WORDS = r"password|passwd|pwd|secret|token|api_?key|credentials?"
KEY = re.compile(rf"(?:^|_)(?:{WORDS})(?:$|_)", re.IGNORECASE)
PAIR = re.compile(rf"((?:{WORDS})\w*=)[^\s&,;'\"\]}}]+", re.IGNORECASE)


@dataclass(frozen=True)
class Hidden:
    """The secrets of a configuration.

    Parameters
    ----------
    values : mapping of str to str
        What came from the environment, and the interpolation that is written in its place.
    """

    values: Mapping[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """A text without the secrets."""
        for value, name in self.values.items():
            text = text.replace(value, name)
        text = URL.sub(lambda url: _bare(url[0]), text)
        return PAIR.sub(rf"\g<1>{STARS}", text)

    def everywhere(self, value: Any) -> Any:
        """Plain values with each text hidden."""
        if isinstance(value, Mapping):
            return {key: self._item(str(key), item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.everywhere(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _item(self, key: str, item: Any) -> Any:
        plain = isinstance(item, (str, int, float)) and item != "" and not isinstance(item, bool)
        if plain and KEY.search(key) and "${" not in str(item):
            return STARS
        return self.everywhere(item)

    def config(self, config: DictConfig) -> Any:
        """A configuration as plain values, resolved but for what came from the environment."""
        raw = OmegaConf.to_container(config, resolve=False)
        return self.everywhere(self._hide(raw, OmegaConf.to_container(config, resolve=True)))

    def _hide(self, raw: Any, full: Any) -> Any:
        if isinstance(raw, dict) and isinstance(full, dict):
            return {key: self._hide(raw.get(key), full[key]) for key in full}
        if isinstance(raw, list) and isinstance(full, list):
            return [self._hide(one, other) for one, other in zip(raw, full, strict=True)]
        secret = isinstance(raw, str) and "${" in raw and isinstance(full, str)
        return raw if secret and any(value in full for value in self.values) else full


def find_secrets(config: DictConfig) -> Hidden:
    """The secrets of a configuration that has not been resolved."""
    raw = OmegaConf.to_container(config, resolve=False)
    names = {one or other for text in _texts(raw) for one, other in ENV.findall(text)}
    values = {
        os.environ[name]: f"${{oc.env:{name}}}" for name in sorted(names) if name in os.environ
    }
    known = set(_names(config))
    return Hidden({
        value: name
        for value, name in sorted(values.items(), key=lambda item: -len(item[0]))
        if len(value) >= LONG and not _number(value) and value not in known
    })  # fmt: skip


def hide_in_logs(secrets: Hidden) -> None:
    """Let every handler of the root logger write without the secrets."""
    for handler in logging.getLogger().handlers:
        if handler.formatter is not None and not isinstance(handler.formatter, _Formatter):
            handler.setFormatter(_Formatter(handler.formatter, secrets))


class _Formatter(logging.Formatter):
    def __init__(self, plain: logging.Formatter, secrets: Hidden) -> None:
        super().__init__()
        self._plain, self._secrets = plain, secrets

    def format(self, record: logging.LogRecord) -> str:
        return self._secrets.text(self._plain.format(record))


def _bare(url: str) -> str:
    return PARAMETER.sub(rf"\1{STARS}", PASSWORD.sub(rf"\1:{STARS}@", url))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _names(config: DictConfig) -> Iterator[str]:
    """Names of plugins, bundles and factors, which are columns and folders."""
    for key in config:
        node = config._get_node(key)
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_interpolation():
            yield from _names(node)
        elif key == "name":
            yield str(OmegaConf.select(config, "name", throw_on_resolution_failure=False))


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
