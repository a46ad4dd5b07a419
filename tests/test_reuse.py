"""What a run takes from the store: all that is the same, and nothing that could be another."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import pytest
from builders import Shared, digests, distribution, ours

import engine
from engine.cli.prompt import main
from engine.pipeline import keys as keying
from engine.pipeline.recent import RECENT, Recent, count_bytes
from engine.pipeline.stages import STAGES
from engine.storage import Results

WORDS = ["+bundle=ai_tech_core_ml", "universe=all", "source.n_symbols=16", "source.n_days=900",
         "report=none", "validation.min_train=252"]  # fmt: skip
NAMES = [stage.name for stage in STAGES]
# Cheap, and kept in memory alone: worked out again when asked for.
AGAIN = {"label", "seasoning", "ingredients"}
DECIDED = {"signal", "knowledge", "account", "metrics"}


def computed(folder: Path) -> set[str]:
    rows = json.loads((folder / "timings.json").read_text("utf-8"))["stages"]
    return {row["stage"] for row in rows if row["how"] == "computed"}


@pytest.fixture(autouse=True)
def forgetful() -> None:
    """As in another process."""
    RECENT.clear()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def first(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    return engine.run([*WORDS, f"store.path={store}"], path=folder).path


def test_the_second_run_computes_nothing_and_gives_the_same_bytes(
    store: Path, first: Path, tmp_path: Path
) -> None:
    assert computed(first) == {*NAMES}
    again = engine.run([*WORDS, f"store.path={store}"], path=tmp_path / "again")
    assert computed(again.path) == set()
    without = engine.run([*WORDS, "store=none"], path=tmp_path / "without")
    assert computed(without.path) == {*NAMES}
    assert digests(again.path) == digests(first) == digests(without.path)
    for name in ("config", "plugins", "keys", "source", "warnings", "account", "splits"):
        assert again.manifest[name] == without.manifest[name]
    assert "\nreused: source, bars, data, factors, " in again.summary()
    assert "; computed: nothing\n" in again.summary()
    assert "reused" not in without.summary()


@pytest.mark.parametrize(
    ("word", "stages"),
    [
        ("portfolio.quantile=0.3", {"account", "metrics"}),
        ("too_good.ic=0.5", {"metrics", "account"}),  # which has to be there for the metrics
        ("model.alpha=3", {"forecasts", *DECIDED}),
        ("+factors.mine='rank(close)'", {"factors", "forecasts", *DECIDED}),
        ("check.sigmas=9", {"data", "source"}),
    ],
)
def test_a_run_computes_what_its_configuration_changed(
    word: str, stages: set[str], store: Path, first: Path, tmp_path: Path
) -> None:
    run = engine.run([*WORDS, word, f"store.path={store}"], path=tmp_path / "run")
    assert computed(run.path) - AGAIN == stages
    RECENT.clear()
    whole = engine.run([*WORDS, word, "store=none"], path=tmp_path / "whole")
    assert digests(run.path) == digests(whole.path)


def test_in_one_process_results_are_taken_up_from_memory(store: Path, tmp_path: Path) -> None:
    words = [*WORDS, "seed=8", f"store.path={store}"]
    engine.run(words, path=tmp_path / "one")
    two = engine.run([*words, "portfolio.quantile=0.3"], path=tmp_path / "two")
    assert computed(two.path) == {"account", "metrics"}


def test_a_library_of_another_version_is_another_key(
    store: Path, first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = keying._version
    monkeypatch.setattr(keying, "_version", lambda n: "9" if n == "xgboost-cpu" else found(n))
    run = engine.run([*WORDS, f"store.path={store}"], path=tmp_path / "run")
    assert computed(run.path) - AGAIN == {"forecasts", *DECIDED}


@pytest.fixture
def file(first: Path, tmp_path: Path) -> Path:
    """Bars in a file of their own."""
    bars = pd.read_parquet(first / "bars.parquet")
    bars["symbol"] = bars["symbol"].astype(str)
    bars.to_parquet(tmp_path / "bars.parquet")
    return tmp_path / "bars.parquet"


def test_bars_and_members_count_by_their_content(file: Path, tmp_path: Path) -> None:
    members = tmp_path / "members.csv"
    names = sorted(pd.read_parquet(file)["symbol"].unique())
    members.write_text("symbol,start,end\n" + "".join(f"{name},,\n" for name in names))
    words = ["+bundle=ai_tech_core", "universe=all", "source=parquet", f"source.path={file}",
             f"universe.members_file={members}", "report=none"]  # fmt: skip

    def run(name: str) -> set[str]:
        RECENT.clear()
        made = engine.run([*words, f"store.path={tmp_path}/store"], path=tmp_path / name).path
        whole = engine.run([*words, "store=none"], path=tmp_path / f"{name}-whole").path
        assert digests(made) == digests(whole)
        return computed(made)

    wanted = {*NAMES} - {"forecasts"}
    assert run("first") == wanted
    assert run("second") == set()
    text = members.read_text()
    members.write_text(text.replace(f"{names[3]},,", f"{names[3]},2016-01-04,"))
    assert run("members") == wanted
    members.write_text(text)
    assert run("members-again") == set()
    bars = pd.read_parquet(file)
    bars.loc[bars.index[1000], "close"] *= 1.0001
    bars.to_parquet(file)
    assert run("close") == wanted


PLUGIN = {
    "__init__.py": """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import engine
from theirs.helper import scale


@dataclass(frozen=True)
class Theirs(engine.Factor):
    '''A factor of somebody else.'''

    name: ClassVar[str] = "theirs"
    times: float = engine.option(1.0, "a factor")
    path: str = engine.option("", "a file that is declared", file=True)
    hidden: str = engine.option("", "a file that is not")

    def compute(self, panel):
        more = [float(open(file).read()) for file in (self.path, self.hidden) if file]
        own = float((Path(__file__).parent / "table.txt").read_text())
        return panel["close"] * scale(self.times) * own + sum(more)


@engine.hookimpl
def register_factors():
    return [Theirs]
""",
    "helper.py": "def scale(times):\n    return 2.0 * times\n",
    "table.txt": "1.5",
}


@pytest.fixture
def typed(file: Path, tmp_path: Path) -> Callable[..., tuple[set[str], str]]:
    """Type a run with a factor of somebody else in a process of its own."""
    site = tmp_path / "site"
    (site / "theirs").mkdir(parents=True)
    for name, text in PLUGIN.items():
        (site / "theirs" / name).write_text(text)
    distribution(site, "theirs", "[engine]\ntheirs = theirs\n", "Requires-Dist: other>=1\n")
    distribution(site, "other")

    def run(name: str, *more: str) -> tuple[set[str], str]:
        words = ["run", "+bundle=ai_tech_core", "universe=all", "source=parquet", "report=none",
                 f"source.path={file}", f"store.path={tmp_path}/store",
                 f"hydra.run.dir={tmp_path}/{name}"]  # fmt: skip
        node = ", ".join(["name: theirs", *more])
        done = subprocess.run(
            [sys.executable, "-m", "engine", *words, f"+factors.theirs={{{node}}}"],
            cwd=tmp_path, env=ours(site), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return computed(tmp_path / name), done.stderr

    return run


def values(folder: Path) -> pd.Series:
    return pd.read_parquet(folder / "factors.parquet")["theirs"]


MADE_OF_IT = {"factors", *DECIDED}


def test_code_that_changed_is_never_stale(
    typed: Callable[..., tuple[set[str], str]], tmp_path: Path
) -> None:
    theirs = tmp_path / "site" / "theirs"
    assert typed("first")[0] == {*NAMES} - {"forecasts"}
    assert typed("second")[0] == set()
    base = values(tmp_path / "first")
    (theirs / "helper.py").write_text("def scale(times):\n    return 4.0 * times\n")
    assert typed("helper")[0] - AGAIN == MADE_OF_IT
    assert typed("helper-again")[0] == set()
    assert (values(tmp_path / "helper") / base).dropna().round(9).eq(2.0).all()
    (theirs / "table.txt").write_text("3.0")
    assert typed("table")[0] - AGAIN == MADE_OF_IT
    code = (theirs / "__init__.py").read_text()
    (theirs / "__init__.py").write_text(code.replace("option(1.0", "option(5.0"))
    assert typed("default")[0] - AGAIN == MADE_OF_IT
    assert (values(tmp_path / "default") / base).dropna().round(9).eq(20.0).all()
    about = tmp_path / "site" / "other-1.0.dist-info" / "METADATA"
    about.write_text(about.read_text().replace("Version: 1.0", "Version: 1.1"))
    assert typed("required")[0] - AGAIN == MADE_OF_IT


@pytest.mark.long
def test_a_file_that_a_plugin_declares_counts_by_its_content(
    typed: Callable[..., tuple[set[str], str]], tmp_path: Path
) -> None:
    (tmp_path / "one.txt").write_text("1")
    typed("declared", f"path: {tmp_path}/one.txt")
    assert typed("declared-again", f"path: {tmp_path}/one.txt")[0] == set()
    (tmp_path / "one.txt").write_text("9")
    assert typed("declared-other", f"path: {tmp_path}/one.txt")[0] - AGAIN == MADE_OF_IT


def test_a_plugin_that_reads_what_it_did_not_declare_is_never_reused(
    typed: Callable[..., tuple[set[str], str]], tmp_path: Path
) -> None:
    (tmp_path / "two.txt").write_text("2")
    for name in ("hidden", "hidden-again"):
        made, said = typed(name, f"hidden: {tmp_path}/two.txt")
        assert made - AGAIN - {"source", "bars", "data", "regimes"} == MADE_OF_IT
        assert (
            f"store: stage factors is computed in each run, for a plugin reads {tmp_path}/two.txt: "
            "make that an option of it with file=True" in said
        )
        manifest = json.loads((tmp_path / name / "manifest.json").read_text("utf-8"))
        assert not [line for line in manifest["warnings"] if "store" in line]
    (tmp_path / "two.txt").write_text("7")
    typed("hidden-other", f"hidden: {tmp_path}/two.txt")
    parted = values(tmp_path / "hidden-other") - values(tmp_path / "hidden")
    assert parted.dropna().round(9).eq(5.0).all()


def test_a_store_that_cannot_be_written_is_one_line_and_no_reason_to_stop(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    words = ["+bundle=ai_tech_core", "source.n_symbols=12", "source.n_days=320", "report=none"]
    run = engine.run([*words, f"store.path={tmp_path}/file/store"], path=tmp_path / "run")
    (line,) = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING
               and r.getMessage().startswith("store")]  # fmt: skip
    assert line == (
        f"store: store.path={tmp_path}/file/store: cannot be written (Not a directory); name "
        "another folder; this run goes on as with store=none"
    )
    assert computed(run.path) == {*NAMES} - {"forecasts"}
    assert not [line for line in run.manifest["warnings"] if "store" in line]


def test_a_damaged_result_is_named_and_made_again(
    first: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = [*WORDS, "seed=9", f"store.path={tmp_path}/store"]
    one = engine.run(words, path=tmp_path / "one")
    (file,) = (tmp_path / "store" / "results").glob("*/*/forecasts.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    RECENT.clear()
    two = engine.run(words, path=tmp_path / "two")
    assert computed(two.path) - AGAIN == {"forecasts"}
    assert digests(two.path) == digests(one.path)
    assert f"store: {file} is damaged: it is made again" in caplog.text
    results = Results(tmp_path / "store" / "results")
    assert results.verify() == []
    about = file.stat()
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert results.verify() == [file]  # whose stamp is as it was
    results.close()


def test_what_was_not_used_for_the_longest_time_goes_first(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(bytes(400))
    results = Results(tmp_path / "results", 1000)
    for key in ("aa", "bb"):
        results.keep(key, "bars", {"told": key}, [tmp_path / key[0]])
    assert results.find("aa", "bars") is not None
    results.keep("cc", "bars", {}, [tmp_path / "c"])
    results.close()
    results = Results(tmp_path / "results", 1000)
    assert results.find("bb", "bars") is None
    found = results.find("aa", "bars")
    assert found is not None
    assert found.told == {"told": "aa"}
    assert results.size() == (2, 800)
    assert [(share.found, share.missed) for share in results.shares()] == [(2, 1)]
    (tmp_path / "large").write_bytes(bytes(1001))
    results.keep("dd", "bars", {}, [tmp_path / "large"])
    assert results.find("dd", "bars") is None
    results.close()


def test_memory_holds_what_was_used_last() -> None:
    import numpy as np

    recent, arrays = Recent(), {name: np.zeros(100) for name in "abc"}
    assert count_bytes({"one": arrays["a"], "two": (arrays["a"], arrays["b"][:3])}) == 1600
    for name, array in arrays.items():
        recent.put(name, array, 1700)
        recent.get("a")
    assert recent.get("a") is arrays["a"]
    assert recent.get("b") is None
    assert recent.get("c") is arrays["c"]


@pytest.mark.long
def test_real_bars_with_a_forest(shared: Shared, tmp_path: Path) -> None:
    file = shared("data/ai_tech_2014_2022.parquet")
    words = ["run", "+bundle=ai_tech_core_ml", "source=parquet", f"source.path={file}",
             "model=random_forest", "report=none", f"store.path={tmp_path}/store"]  # fmt: skip
    for name in ("one", "two"):
        RECENT.clear()
        assert main([*words, f"hydra.run.dir={tmp_path}/{name}"]) == 0
    assert computed(tmp_path / "two") == set()
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_the_screen_tells_what_was_reused(
    store: Path, first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words: Sequence[str] = [*WORDS, f"store.path={store}", "portfolio.quantile=0.25"]
    assert main(["run", *words, f"hydra.run.dir={tmp_path}/run"]) == 0
    (line,) = re.findall(r"^reused: .*$", capsys.readouterr().out, re.MULTILINE)
    assert line.startswith("reused: source, bars, data, factors, ")
    assert line.endswith("account, metrics")


def test_a_factor_that_is_known_is_not_computed_again(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set is another one, so its stage is; but of its factors only the new one is computed."""
    from engine.pipeline import market

    asked: list[set[str]] = []
    evaluate = market.evaluate

    def counting(formulas, panel):
        asked.append({*formulas})
        return evaluate(formulas, panel)

    monkeypatch.setattr(market, "evaluate", counting)
    words = ["+bundle=ai_tech_core", "universe=all", "source=parquet", f"source.path={file}",
             "report=none"]  # fmt: skip
    kept = f"store.path={tmp_path}/store"
    more = "+factors.mine='rank( close )'"

    def run(name: str, *other: str) -> Path:
        RECENT.clear()
        return engine.run([*words, *other], path=tmp_path / name).path

    run("one", kept)
    two, whole = run("two", kept, more), run("whole", "store=none", more)
    assert asked[1] == {"mine"}
    assert len(asked[2]) == len(asked[0]) + 1
    assert digests(two) == digests(whole)
    run("three", kept, "+factors.other='rank(close)'")
    assert asked[3] == set()  # the same formula by another name
    run("four", kept, more, "+factors.mine2='mine + rv_20'")
    assert asked[-1] == {"mine2"}


def test_a_run_reads_what_is_registered_and_adds_the_days_that_are_new(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.library import updating
    from engine.pipeline import market

    bars = pd.read_parquet(file)
    days = sorted(bars["timestamp"].unique())
    bars[bars["timestamp"] < days[-3]].to_parquet(file)
    words = ["source=parquet", f"source.path={file}", "universe=all"]
    kept = f"store.path={tmp_path}/store"
    with engine.store([*words, kept]) as library:
        library.register("core_ta_price")
    bars.to_parquet(file)
    asked: list[set[str]] = []
    rows: list[int] = []
    evaluate, compute = market.evaluate, updating.compute

    def counting(formulas, panel):
        asked.append({*formulas})
        return evaluate(formulas, panel)

    def adding(works, todo, panel, how, past):
        rows.extend(int((each.fresh | each.again).sum()) for each in todo.values())
        return compute(works, todo, panel, how, past)

    monkeypatch.setattr(market, "evaluate", counting)
    monkeypatch.setattr(updating, "compute", adding)
    words += ["+bundle=ai_tech_core", "report=none"]
    run = engine.run([*words, kept], path=tmp_path / "run").path
    assert asked == [set()]
    assert {*rows} == {3}
    whole = engine.run([*words, "store=none"], path=tmp_path / "whole").path
    assert digests(run) == digests(whole)
