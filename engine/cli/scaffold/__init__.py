"""``engine plugins new``: an installable distribution with two factors, a bundle and tests.

The files stand in ``template/``; each ends in ``.txt``, so that no tool takes it for code of
this project. Three words are filled in: ``@NAME@``, ``@MODULE@`` and ``@ENGINE@``.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.core.errors import ConfigError
from engine.core.version import VERSION

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RESERVED = frozenset({"alpha-engine", "engine", "plugins", "schemas", "conf", "tests"})
_CONF = "_conf"  # follows the module's name


def new(names: Sequence[str], here: str) -> str:
    """Write the project of the one name into a folder; return what to type next.

    Raises
    ------
    ConfigError
        The name cannot be used, or a file or folder is in the way. Nothing is overwritten.
    """
    name, parent = _take_one(names), Path(here).expanduser()
    _refuse(name)
    if not parent.is_dir():
        raise ConfigError(f"--here {parent}: no such folder; make it, or name another")
    folder = parent / name
    try:
        folder.mkdir()
    except FileExistsError as error:
        raise ConfigError(f"{folder} exists: choose another name, or --here DIR") from error
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}; choose --here DIR") from error
    written = write(name, folder)
    lines = [str(folder), *(f"  {path}" for path in written), ""]
    lines += [
        "next:",
        f"  cd {shlex.quote(str(folder))}",
        "  pip install -e . && pytest",
        "  engine plugins list",
    ]
    return "\n".join(lines)


def write(name: str, folder: Path) -> list[str]:
    """Fill the template into an empty folder; return the files' names, sorted."""
    module = name.replace("-", "_")
    words = {"@NAME@": name, "@MODULE@": module, "@ENGINE@": VERSION}
    written = []
    for source in TEMPLATE.rglob("*.txt"):
        place = str(source.relative_to(TEMPLATE).with_suffix(""))
        place = re.sub(r"^module(?=/|_conf/)", module, Path(place).as_posix())
        text = source.read_text("utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8", newline="\n")
        written.append(place)
    return sorted(written)


def _take_one(names: Sequence[str]) -> str:
    if not names:
        raise ConfigError("plugins new: name it, such as `engine plugins new my-factors`")
    if len(names) > 1:
        wish = _find_near(" ".join(names))
        raise ConfigError(f"{' '.join(names)!r} are {len(names)} names: type `{_type_new(wish)}`")
    return names[0]


def _refuse(name: str) -> None:
    """Raise when the name cannot be a distribution's and, with _ for -, a module's."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r}: use lower case letters, digits and single hyphens, a letter first: "
            f"type `{_type_new(_find_near(name))}`"
        )
    module = name.replace("-", "_")
    remedy = f"type `{_type_new(name + '-factors')}`"
    if name in RESERVED or module in sys.stdlib_module_names or keyword.iskeyword(module):
        raise ConfigError(f"{name!r} is a name of the engine or of Python: {remedy}")
    for taken in (module, module + _CONF):
        if importlib.util.find_spec(taken) is not None:
            raise ConfigError(f"a module {taken!r} is installed already: {remedy}")


def _find_near(name: str) -> str:
    """The nearest name that can be used."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    near = re.sub(r"^[0-9-]+", "", "-".join(words))
    return near or "my-factors"


def _type_new(name: str) -> str:
    return f"engine plugins new {name}"
