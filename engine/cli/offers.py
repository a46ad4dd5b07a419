"""What each word of a command may be completed with.

A shell waits for the answer, so nothing heavy is imported: names of the engine's plugins and
stages are read from the text of its files, and those of other distributions only where there
are any.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from engine.cli.guests import has_guests

ENGINE = Path(__file__).parents[1]
KIND = re.compile(r'^    kind_name: ClassVar\[str\] = "(\w+)"', re.MULTILINE)
PLUGIN = re.compile(
    r'^class (?!_)(?:(?!^class )[\s\S])*?^    name: ClassVar\[str\] = "(\w+)"', re.MULTILINE
)
STAGE = re.compile(r'Stage\(\s*"(\w+)"')
RUNS = "outputs"


def offer_kinds(context: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Kinds of plugins; one is enough."""
    return [] if context.params.get(str(param.name)) else _begin(begun, list_plugins())


def offer_plugins(
    context: click.Context, param: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Kinds and names of plugins; after a kind, its names."""
    plugins = list_plugins()
    typed = context.params.get(str(param.name)) or ()
    if not typed:
        names = {name for names in plugins.values() for name in names}
        return _begin(begun, [*sorted(names), *plugins])
    return _begin(begun, plugins.get(typed[0], ()) if len(typed) == 1 else ())


def offer_runs(context: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Folders of finished runs below ``outputs/``; elsewhere folders."""
    return _runs(begun)


def offer_sets(context: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Factor sets; or overrides, once a word is begun that is none."""
    from engine.config import options

    return _begin(begun, options("factors")) or _offer_overrides(context, begun)


def offer_registered(
    context: click.Context, param: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Registered factors of the store in the user's cache; or overrides."""
    import json
    import sqlite3

    from engine.core.places import user_cache

    file = user_cache() / "store" / "catalogue.sqlite"
    names: list[str] = []
    if file.is_file():
        try:
            with sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True) as catalogue:
                found = catalogue.execute("SELECT json_group_array(factor_id) FROM factor_metadata")
                names = json.loads(found.fetchone()[0])
        except sqlite3.Error:
            names = []
    return _begin(begun, names) or _offer_overrides(context, begun)


def offer_files(context: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Files; or overrides, where one is begun."""
    return _offer_overrides(context, begun) or [CompletionItem(begun, type="file")]


def offer_for_run(words: Sequence[str], begun: str) -> list[CompletionItem]:
    """Stages and runs after ``--from``, switches, and what Hydra offers."""
    rest = [*words]
    if "--from" in rest:
        at = rest.index("--from")
        if len(rest) == at + 1:
            return _begin(begun, list_stages()[1:])
        if len(rest) == at + 2:
            return _runs(begun)
        del rest[at : at + 3]
    from engine.config import list_switches, suggest

    if begun.startswith("-"):
        return _begin(begun, ["--from", "--debug", *list_switches()])
    many = [word for word in rest if word in {"-m", "--multirun"}]
    overrides = [word for word in rest if not word.startswith("-")]
    return [CompletionItem(word) for word in suggest([*many, *overrides], begun)]


def list_plugins() -> dict[str, list[str]]:
    """Return the names of plugins by their kind."""
    if has_guests():
        from engine.plugin import installed

        return {kind: [*installed().entries(kind)] for kind in installed().kinds}
    kinds = [k for file in sorted((ENGINE / "core").glob("*.py")) for k in _find(KIND, file)]
    rooms = {kind: sorted((ENGINE / "plugins" / f"{kind}s").glob("*.py")) for kind in kinds}
    found = {kind: [n for f in files for n in _find(PLUGIN, f)] for kind, files in rooms.items()}
    found["factor"] += _find(PLUGIN, ENGINE / "expr" / "formula.py")  # which stands in no room
    return found


def list_stages() -> list[str]:
    """Return the names of a run's stages, in their order."""
    return _find(STAGE, ENGINE / "pipeline" / "stages.py")


def _find(pattern: re.Pattern[str], file: Path) -> list[str]:
    found: list[str] = pattern.findall(file.read_text("utf-8"))
    return found


def _runs(begun: str) -> list[CompletionItem]:
    from engine.core.folders import MARKER

    found = (
        str(file.parent)
        for depth in ("*", "*/*", "*/*/*")
        for file in sorted(Path(RUNS).glob(f"{depth}/manifest.json"))
        if not (file.parent / MARKER).exists()
    )
    return _begin(begun, found) or [CompletionItem(begun, type="dir")]


def _offer_overrides(context: click.Context, begun: str) -> list[CompletionItem]:
    """Overrides of the configuration, once one is begun: Hydra takes half a second."""
    if not begun or os.sep in begun.partition("=")[0]:
        return []
    from engine.config import suggest

    return [CompletionItem(word) for word in suggest(context.params["overrides"], begun)]


def _begin(begun: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(begun)]
