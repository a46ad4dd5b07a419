"""Factors by the name of their set, their file or their plugin, with what is said about each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from engine.config import compose_config, options
from engine.core.errors import ConfigError, did_you_mean
from engine.core.kinds import Factor
from engine.factors import keep_named
from engine.pipeline.run import job
from engine.pipeline.settings import factor_set, resolve
from engine.plugin import Registry

Found = dict[str, tuple[Factor, str]]


def find_factors(name: str, words: Sequence[str], registry: Registry) -> Found:
    """Return the factors that a name means, each with what its set says about it.

    Parameters
    ----------
    name : str
        A factor set (``alpha101``), one of a set with those that it names (``alpha101.alpha012``),
        a YAML file of factors, or a plugin.
    words : sequence of str
        Overrides.
    registry : Registry

    Raises
    ------
    ConfigError
        It is none of them.
    """
    group, _, single = name.partition(".")
    if Path(name).suffix in (".yaml", ".yml"):
        return _build(_read_yaml(Path(name)), registry)
    if group in options("factors"):
        config = job(compose_config([*words, f"factors={group}"]))
        resolve(config)
        found = _build(config.factors, registry)
        if single and single not in found:
            raise ConfigError(f"{name}: no such factor; {did_you_mean(single, found)}")
        kept = keep_named(single, {n: f for n, (f, _) in found.items()}) if single else found
        return {each: found[each] for each in kept}
    if name in registry.entries("factor"):
        node = OmegaConf.create({"name": name})
        return {name: (registry.build("factor", node, name), "")}
    known = [*options("factors"), *registry.entries("factor")]
    raise ConfigError(
        f"{name}: no factor set, file or plugin; {did_you_mean(group, known)}; a formula goes "
        'behind a name: engine factors register NAME "FORMULA"'
    )


def _build(node: Any, registry: Registry) -> Found:
    made = factor_set(node, registry)
    return {name: (factor, _about(node[name])) for name, factor in made.items()}


def _about(node: Any) -> str:
    return "" if isinstance(node, str) else str(node.get("about") or "")


def _read_yaml(path: Path) -> Any:
    try:
        return OmegaConf.load(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a YAML file of factors") from None
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {str(error).splitlines()[0]}; mend the file") from None
