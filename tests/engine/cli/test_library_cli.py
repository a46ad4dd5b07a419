"""`engine factors register | list | show | rm | update | read` and `engine store`, as typed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import engine
from engine.cli.prompt import main

ROWS = 40


def make_bars(rows: int = ROWS, close: float | None = None) -> pd.DataFrame:
    """Bars of three symbols; with `close`, B's of the 21st day is that one."""
    draw = np.random.default_rng(4)
    closes = 50.0 * np.exp(np.cumsum(0.02 * draw.normal(size=(ROWS, 3)), axis=0))
    volume = np.exp(draw.normal(10.0, 1.0, (ROWS, 3)))
    if close is not None:
        closes[20, 1] = close
    return pd.DataFrame(
        {
            "timestamp": np.repeat(pd.date_range("2024-01-01", periods=rows, tz="UTC"), 3),
            "symbol": ["A", "B", "=C"] * rows,
            "high": (closes * 1.01)[:rows].ravel(),
            "close": closes[:rows].ravel(),
            "volume": volume[:rows].ravel(),
        }
    )


class Prompt:
    """A prompt in a folder, with a file of bars and a store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys = folder, capsys
        self.bars = [f"source.path={folder / 'bars.parquet'}", "source=parquet"]
        make_bars().to_parquet(folder / "bars.parquet")

    def type(self, *words: str, code: int = 0) -> str:
        assert main([*words, f"store.path={self.folder / 'store'}"]) == code
        out, error = self.capsys.readouterr()
        return error if code == 2 else out

    def register(self, *words: str, code: int = 0) -> str:
        return self.type("factors", "register", *words, *self.bars, code=code)

    def refused(self, *words: str) -> str:
        error = self.type("factors", *words, code=2)
        assert error.count("\n") == 1
        return error


@pytest.fixture
def prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Prompt:
    return Prompt(tmp_path, capsys)


def test_a_factor_is_computed_once_and_then_by_the_day(prompt: Prompt) -> None:
    make_bars(30).to_parquet(prompt.folder / "bars.parquet")
    said = prompt.register("mom", "close / delay(close, 5) - 1", "--category", "momentum")
    assert "mom: first values: 90 cells computed, 0 superseded" in said
    assert prompt.type("factors", "update") == "mom: up to date\n"
    make_bars().to_parquet(prompt.folder / "bars.parquet")
    assert prompt.type("factors", "update", "mom") == (
        "mom: 10 new dates: 30 cells computed, 0 superseded\n"
    )
    make_bars(close=99.0).to_parquet(prompt.folder / "bars.parquet")
    assert prompt.type("factors", "update", "--all") == (
        "mom: B restated 2024-01-21 (close): 6 cells computed, 2 superseded\n"
    )


def test_values_are_those_of_compute(prompt: Prompt) -> None:
    formulas = {"mom": "close / delay(close, 5) - 1", "up": "close == high"}
    for name, formula in formulas.items():
        prompt.register(name, formula)
    out, other = prompt.folder / "read.parquet", prompt.folder / "computed.parquet"
    prompt.type("factors", "read", *formulas, "--out", str(out))
    assert main(["factors", "compute", *formulas.values(), *prompt.bars, "--out", str(other)]) == 0
    read, computed = pd.read_parquet(out), pd.read_parquet(other)
    computed.columns = read.columns
    assert_frame_equal(read, computed, check_dtype=False, check_categorical=False)


def test_the_long_table_has_the_columns_of_the_brief(prompt: Prompt) -> None:
    prompt.register("mom", "delta(close, 5)")
    out = prompt.folder / "long.parquet"
    words = ("--long", "--from", "2024-01-10", "--to", "2024-01-11", "--out", str(out))
    assert "written" in prompt.type("factors", "read", "mom", *words)
    long = pd.read_parquet(out)
    assert list(long) == ["factor_id", "date", "instrument", "value"]
    assert [*long["instrument"]] == ["=C", "A", "B"] * 2
    assert long["date"].dt.day.tolist() == [10] * 3 + [11] * 3


def test_list_and_show_say_what_is_kept(prompt: Prompt) -> None:
    prompt.register("mom", "delta(close, 5)", "--category", "momentum", "--description", "a change")
    prompt.register("later", "mom * 2", "--later", "--unit", "USD")
    listed = prompt.type("factors", "list").splitlines()
    assert re.sub(" +", " ", listed[1]) == "later none yet mom * 2"
    assert re.sub(" +", " ", listed[2]) == "mom momentum 2024-02-09 delta(close, 5)"
    shown = dict(
        re.split("  +", line, maxsplit=1)
        for line in prompt.type("factors", "show", "mom").splitlines()
    )
    assert shown["reads"] == "close"
    assert shown["lookback"] == "5 rows"
    assert shown["coverage"] == "87.5% of dates × symbols"
    assert shown["values"] == "2024-01-01 to 2024-02-09, the first on 2024-01-06"
    later = prompt.type("factors", "show", "later")
    assert "dependencies  mom" in later
    assert "none yet" in later


def test_a_whole_set_a_file_and_one_of_a_set(prompt: Prompt) -> None:
    said = prompt.register("core_price_only")
    assert "registered: " in said
    (prompt.folder / "mine.yaml").write_text(
        'one: "close + 1"\ntwo: {name: formula, formula: "one + volume", about: "of a file"}\n'
    )
    prompt.register(str(prompt.folder / "mine.yaml"))
    assert "of a file" in prompt.type("factors", "show", "two")
    assert "alpha012" in prompt.register("alpha101.alpha012") + prompt.type("factors", "list")


def test_as_of_reproduces_yesterday(prompt: Prompt) -> None:
    prompt.register("mom", "delta(close, 5)")
    out, again = prompt.folder / "one.parquet", prompt.folder / "two.parquet"
    prompt.type("factors", "read", "mom", "--out", str(out))
    commit = re.search(r"commits +(\d+)", prompt.type("store", "stats"))
    assert commit is not None
    make_bars(close=99.0).to_parquet(prompt.folder / "bars.parquet")
    prompt.type("factors", "update")
    prompt.type("factors", "read", "mom", "--as-of", commit[1], "--out", str(again))
    assert_frame_equal(pd.read_parquet(out), pd.read_parquet(again))
    prompt.type("factors", "read", "mom", "--out", str(again))
    assert not pd.read_parquet(out).equals(pd.read_parquet(again))


def test_update_needs_no_words_from_another_folder(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prompt.folder)
    prompt.bars = ["source=parquet", "source.path=bars.parquet"]
    prompt.register("mom", "delta(close, 5)")
    (prompt.folder / "other").mkdir()
    monkeypatch.chdir(prompt.folder / "other")
    assert prompt.type("factors", "update") == "mom: up to date\n"


def test_what_cannot_be_computed_is_not_registered(prompt: Prompt) -> None:
    error = prompt.register("bad", "clos + 1", code=2)
    assert "did you mean 'close'?" in error
    assert prompt.type("factors", "list").startswith("none yet")


def test_mistakes_are_one_line(prompt: Prompt) -> None:
    prompt.register("momentum", "delta(close, 5)")
    cases = {
        ("read", "momentun"): "did you mean 'momentum'?",
        ("show", "momentum", "more"): "show takes one name",
        ("rm", "nothing_like_it"): "no such factor is registered",
        ("read", "momentum", "--symbols", "Z"): "symbol 'Z': the bars have none",
        ("read", "momentum", "--date", "sometime"): "write a date",
        ("read", "momentum", "--from", "2030-01-01"): "no date of the bars is in this span",
        ("read", "momentum", "--as-of", "99"): "commit 99: the last one is",
        ("read", "momentum", "--out", "a.csv"): "name it a.parquet",
        ("update", "--all", "momentum"): "choose one",
        ("register", "alpha102"): "did you mean 'alpha101'?",
        ("register", "momentum", "close", "--frequency", "hourly"): "--frequency hourly",
        ("register", "../up", "close"): "is a path",
        ("register", "x" * 300, "close"): "has 300 characters",
        ("register", "momentum", "close"): "momentum is registered, as delta(close, 5)",
        ("register", "missing.yaml"): "No such file",
        ("list", "--category", "momentun"): "no factor has it",
    }
    for words, message in cases.items():
        assert message in prompt.refused(*words), words


def test_a_store_that_keeps_nothing_or_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["factors", "list", "store=none"]) == 2
    assert main(["factors", "list", "store.path=/proc/none"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 2
    assert "nothing is kept with store=none" in error
    assert "cannot be written" in error


def test_names_of_the_users_own_store_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    from engine.cli.library import read
    from engine.cli.offers import offer_registered

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("ALPHA_ENGINE_STORE")
    context = click.Context(read)
    context.params["overrides"] = ()
    assert offer_registered(context, read.params[0], "zet") == []
    assert main(["factors", "register", "zeta", "close", "--later"]) == 0
    assert [each.value for each in offer_registered(context, read.params[0], "zet")] == ["zeta"]


def test_rm_takes_out(prompt: Prompt) -> None:
    prompt.register("mom", "delta(close, 5)")
    prompt.register("twice", "mom * 2")
    assert "twice names it" in prompt.refused("rm", "mom")
    assert prompt.type("factors", "rm", "twice", "mom") == "taken out: twice, mom\n"


def test_verify_names_a_damaged_file_and_the_factor(prompt: Prompt) -> None:
    prompt.register("mom", "delta(close, 5)")
    assert prompt.type("store", "verify", "--sample", "1") == (
        "sound: every file, and 1 factors computed again\n"
    )
    for file in (prompt.folder / "store" / "segments").iterdir():
        content = bytearray(file.read_bytes())
        content[-3] ^= 1
        file.write_bytes(content)
    said = prompt.type("store", "verify", code=1)
    assert re.search(r"damaged: .*\.npy, where it holds mom", said)
    assert "type engine store verify --mend, then engine factors update" in said
    assert "taken out" in prompt.type("store", "verify", "--mend", code=1)
    assert "mom: " in prompt.type("factors", "update")
    assert prompt.type("store", "verify").startswith("sound")


def test_damage_to_what_is_kept_beside_a_factor_is_told_in_its_name(prompt: Prompt) -> None:
    prompt.type("factors", "register", "up", "close - ema(close, 5)")
    for file in (prompt.folder / "store").rglob("*.npy"):
        content = bytearray(file.read_bytes())
        content[-9] ^= 1
        file.write_bytes(content)
    said = prompt.type("store", "verify", code=1)
    held = re.findall(r"^damaged: .*, where it holds (.*)$", said, re.MULTILINE)
    assert "up" in held
    assert not any(key.startswith("values ") for keys in held for key in keys.split(", "))


def test_polars_gets_what_pandas_gets(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    with engine.store(path=tmp_path / "store", bars=make_bars()) as store:
        store.register("mom", "delta(close, 5)")
        found = store.read("mom")
        pd.testing.assert_frame_equal(found.to_polars().to_pandas(), found.long())


def test_the_python_door_does_the_same(tmp_path: Path) -> None:
    with engine.store(path=tmp_path / "store", bars=make_bars(30)) as store:
        (done,) = store.register("mom", "delta(close, 5)", category="momentum")
        assert (done.why, done.dates) == ("first values", 30)
    with engine.store(path=tmp_path / "store", bars=make_bars()) as store:
        assert store.update()[0].why == "10 new dates"
        found = store.read("mom", first="2024-02-01", symbols=["B"])
        close = make_bars().query("symbol == 'B'").set_index("timestamp")["close"]
        wanted = close.diff(5).loc["2024-02-01":]  # type: ignore[misc]
        np.testing.assert_array_equal(found.wide()["B"], wanted)
        assert store.show("mom").since == "2024-01-06"
        assert [*store.list()] == ["mom"]
        store.remove("mom")
        assert [*store.list()] == []
