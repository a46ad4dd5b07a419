"""Where the jobs of a sweep go: each into a folder of its own, and a finished one is not lost.

A job is known by its composed configuration, which stands in its folder. A sweep that is typed
again, with more or fewer jobs, finds each in the folder where it was, whatever its number is now.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf._utils import get_omega_conf_dumper  # how strings are quoted

from engine.config.secrets import Hidden, find_secrets
from engine.core.folders import is_finished

FOLDER, FILE = ".hydra", "config.yaml"


class _Dumper(getattr(yaml, "CDumper", yaml.Dumper)):  # type: ignore[misc]  # it may be missing
    """Writes as OmegaConf does, many times faster."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write each value where it stands."""
        return True


_Dumper.add_representer(str, get_omega_conf_dumper().yaml_representers[str])


def hide(node: Any, secrets: Hidden) -> Any:
    """A configuration as it is shown: its interpolations as they stand, without secrets."""
    return secrets.everywhere(OmegaConf.to_container(node, resolve=False))


def write_yaml(node: Any, secrets: Hidden) -> str:
    """The text of a configuration as it is shown."""
    text: str = yaml.dump(
        hide(node, secrets),
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
        Dumper=_Dumper,
    )
    return text


def choose_place(config: DictConfig) -> None:
    """Have a job go where it was before; beside its number, where another one has finished."""
    sweep, wanted = Path(str(config.hydra.sweep.dir)), str(config.hydra.sweep.subdir)
    text = _write(config)
    if _read(sweep / wanted) == text:
        return
    known = sorted(_list_earlier(sweep))
    place = next((name for name in known if _read(sweep / name) == text), wanted)
    if place == wanted and is_finished(sweep / wanted):
        place = f"{wanted}-{sha256(text.encode()).hexdigest()[:8]}"
    with open_dict(config):
        config.hydra.sweep.subdir = place


def _list_earlier(sweep: Path) -> Iterator[str]:
    """Folders of jobs that none of this sweep has taken: of two that are alike each has its own."""
    began = sweep / "multirun.yaml"  # which is written as a sweep begins
    if not began.is_file():
        return
    now = began.stat().st_mtime_ns
    for file in sweep.glob(f"*/{FOLDER}/{FILE}"):
        if file.stat().st_mtime_ns < now:
            yield file.parents[1].name


def _write(config: DictConfig) -> str:
    """What stands in the file of a job."""
    task = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return write_yaml(task, find_secrets(task))


def _read(folder: Path) -> str | None:
    try:
        return (folder / FOLDER / FILE).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
