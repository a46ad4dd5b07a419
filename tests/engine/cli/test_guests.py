"""Commands of other distributions: found, listed, refused, and blamed for what is theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from builders import distribution, ours

import engine
from engine.cli.guests import has_guests
from engine.core.command import Command

HOOK = """\
import engine

@engine.hookimpl
def register_commands():
    return [{rows}]
"""
LEDGER = """\
import click

@click.group()
def ledger():
    "The books."

@ledger.command()
@click.argument("run")
@click.option("--as", "form", type=click.Choice(["text", "page"]))
@click.option("--boom", is_flag=True)
def show(run, form, boom):
    if boom:
        raise ZeroDivisionError("boom")
    click.echo(f"the book of {run}")
    return 3

@ledger.command()
def ask():
    raise click.Abort

no_command = 4
"""
GOOD = 'engine.Command("ledger", "ledger_code:ledger", "show RUN  the book of a run")'


class Site:
    """A folder on the path, with distributions in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "ledger_code.py").write_text(LEDGER)

    def add(self, name: str, *rows: str) -> None:
        distribution(self.folder, name)
        (self.folder / f"{name}.py").write_text(HOOK.format(rows=", ".join(rows)))

    def type(self, *words: str, **variables: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "engine", *words],
            cwd=self.folder,
            env=ours(self.folder, **variables),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.long
def test_a_group_of_a_stranger_is_typed_like_one_of_ours(site: Site) -> None:
    site.add("books", GOOD)
    line = f"  engine ledger show RUN                    the book of a run\n{'':44}(of books 1.0)\n"
    assert line in site.type("--help")[1]
    assert site.type("ledger", "show", "mine") == (3, "the book of mine\n", "")
    code, page, _ = site.type("ledger")
    assert (code, page.splitlines()[0]) == (0, "Usage: engine ledger [OPTIONS] COMMAND [ARGS]...")
    for words, told in {
        ("ledger", "shw"): "ledger: no such command 'shw'",
        ("ledger", "show"): "ledger show: missing argument 'RUN'; see engine ledger show --help",
        ("ledger", "show", "a", "b"): "ledger show: got unexpected extra argument (b); see engine",
        ("ledger", "show", "a", "--sa"): "ledger show --sa: no such switch; did you mean '--as'?",
        ("ledger", "show", "a", "--as", "pg"): "ledger show: invalid value for '--as': 'pg' is not",
        ("ledger", "show", "a", "--boom"): "unforeseen: ZeroDivisionError: boom; type the command",
    }.items():
        code, out, err = site.type(*words)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert err.startswith(f"engine: {told}")
    code, out, err = site.type("ledger", "show", "a", "--boom", "--debug")
    assert "ZeroDivisionError" in err.splitlines()[-1]
    assert site.type("ledger", "ask") == (130, "", "engine ledger: interrupted\n")


def test_a_name_of_ours_stays_ours_and_of_two_strangers_is_nobodys(site: Site) -> None:
    site.add("books", GOOD, GOOD.replace('"ledger",', '"warm",'))
    site.add("cooks", GOOD)
    assert site.type("warm", "--help")[1].startswith("engine warm: compile")
    said = "two commands are called 'ledger': of books 1.0 and cooks 1.0; uninstall or rename one"
    assert site.type("ledger", "show", "a") == (2, "", f"engine: {said}\n")
    listed = site.type("plugins", "list")[1]
    assert f"CONTESTED  command ledger  {said}" in listed
    assert (
        "CONTESTED  command warm    two commands are called 'warm': of the engine and b" in listed
    )
    assert "ledger" not in site.type("--help")[1]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('engine.Command("lost", "no_module:x", "a")', "lost of books 1.0: no_module:x: ModuleNot"),
        ('engine.Command("lost", "ledger_code:x", "a")', "lost of books 1.0: ledger_code:x: Attri"),
        (
            'engine.Command("lost", "ledger_code:no_command", "a")',
            "lost of books 1.0: ledger_code:no_command is no click.Command: decorate its function",
        ),
    ],
)
def test_a_target_that_is_no_command_is_blamed(site: Site, row: str, told: str) -> None:
    site.add("books", row)
    code, out, err = site.type("lost")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"engine: command {told}")
    assert site.type("warm", "--help")[0] == 0


def test_a_hook_without_rows_is_listed_and_named_where_a_command_is_missed(site: Site) -> None:
    site.add("books", '"ledger"')
    told = "register_commands returned no list of engine.Command"
    assert told in site.type("plugins", "list")[1]
    assert site.type("ledger")[2].endswith("; books failed: see engine plugins list\n")
    assert site.type("ledger", ENGINE_NO_PLUGINS="1")[2].endswith("(or type `engine --help`)\n")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("My Command", "a:b", "c"), "command 'My Command': name it as in 'my-command'"),
        (("mine", "a.b", "c"), "command mine: target 'a.b': write module:name"),
        (("mine", "a:b", " \n"), "command mine: help is empty: say what it does"),
    ],
)
def test_a_row_says_what_is_wrong_with_it(row: tuple[str, str, str], told: str) -> None:
    with pytest.raises(engine.PluginError, match=told):
        engine.Command(*row)


def test_lines_of_help_are_words_and_what_they_do() -> None:
    row = Command("mine", "a:b", "\n  show RUN  one of them \n  all of them\n")
    assert row.lines == [("engine mine show RUN", "one of them"), ("engine mine", "all of them")]


def test_guests_are_seen_by_their_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conf package alone brings no command, and the engine is no guest of its own."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "absent")])
    assert not has_guests()
    distribution(tmp_path, "alpha_engine")
    distribution(tmp_path, "leaves", "[engine.conf]\nleaves = leaves\n")
    assert not has_guests()
    distribution(tmp_path, "books")
    assert has_guests()
    monkeypatch.setenv("ENGINE_NO_PLUGINS", "1")
    assert not has_guests()
