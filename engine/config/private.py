"""Hydra's private names, all of them, each with what its public ones cannot do."""

from __future__ import annotations

from hydra._internal import config_loader_impl  # where the list of files is asked for
from hydra._internal.callbacks import Callbacks  # a job's context wants one
from hydra._internal.config_loader_impl import ConfigLoaderImpl  # checks what it has composed
from hydra._internal.core_plugins import file_config_source  # a YAML mistake is told with its line
from hydra._internal.core_plugins.basic_launcher import BasicLauncher  # one job ends no other
from hydra._internal.defaults_list import (
    DefaultsList,  # the files of a configuration, which are the same for many
    Overrides,  # which overrides choose files, and which set values
)
from hydra._internal.hydra import Hydra  # composes without the changes of `hydra.main`
from hydra._internal.sources_registry import SourcesRegistry  # where the file source is replaced
from hydra._internal.utils import (
    _run_hydra,  # ``--cfg``, ``--info`` and ``--help``, over our own search path
    create_config_search_path,  # the one that our loader reads
    get_args_parser,  # ``engine run`` takes Hydra's switches
)
from omegaconf._utils import get_yaml_loader  # OmegaConf's rules of YAML, over libyaml's parser

__all__ = [
    "BasicLauncher",
    "Callbacks",
    "ConfigLoaderImpl",
    "DefaultsList",
    "Hydra",
    "Overrides",
    "SourcesRegistry",
    "_run_hydra",
    "config_loader_impl",
    "create_config_search_path",
    "file_config_source",
    "get_args_parser",
    "get_yaml_loader",
]
