"""Each classic leak is found by the command that docs/leaks.md names; its honest twin is clean."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import leaky
import leaky_others
import numpy as np
import pandas as pd
import pytest
from builders import distribution, start
from gallery import GALLERY, PAGE, render

from engine.__main__ import COMMANDS
from engine.cli import main
from engine.forecasts import Labels, Validation, walk_forward
from engine.pipeline import list_deciding
from engine.plugin import installed

DECIDING = {stage.name for stage in list_deciding()} - {"source"}

HERE = Path(__file__).parent
POINTS = "[engine]\nleaky = leaky\nleaky_others = leaky_others\n"
SMALL = [
    "+bundle=ai_tech_core", "universe=all", "source.n_symbols=8", "source.n_days=400",
    "report=none", "store=none", "backtest.engine=fast", "~factors",
]  # fmt: skip
LEARNING = ["label.horizon=5", "validation.min_train=150", "validation.n_splits=4"]
BY_X = "bundle.factors=[{name: x, weight: 1.0, direction: positive}]"
YEAR_END = "--dates=2014-12-31"


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of installed distributions, with the gallery's plugins."""
    folder = tmp_path_factory.mktemp("site")
    distribution(folder, "gallery", POINTS)
    sys.path.insert(0, str(folder))
    installed.cache_clear()
    yield folder
    sys.path.remove(str(folder))
    installed.cache_clear()


@dataclass(frozen=True)
class Told:
    """What a command said."""

    code: int
    text: str
    found: Any = None

    def row(self, stage: str, name: str = "") -> Any:
        (row,) = (r for r in self.found["verdicts"] if (r["stage"], r["name"]) == (stage, name))
        return row

    @property
    def leaks(self) -> list[str]:
        rows = [row for row in self.found["verdicts"] if row["verdict"] == "leak"]
        return [f"{row['stage']}.{row['name']}".rstrip(".") for row in rows]


class Shell:
    """The prompt, in this process."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.capsys, self.audits = folder, capsys, 0

    def type(self, *words: str) -> Told:
        self.capsys.readouterr()
        code = main([*words], COMMANDS)
        out, err = self.capsys.readouterr()
        return Told(code, out + err)

    def audit(self, *words: str) -> Told:
        self.audits += 1
        folder = self.folder / f"audit{self.audits}"
        told = self.type("audit", *SMALL, *words, f"hydra.run.dir={folder}")
        file = folder / "audit.json"
        return Told(told.code, told.text, json.loads(file.read_text()) if file.is_file() else None)

    def broken(self, plugin: str) -> str:
        """The properties that the kit finds broken."""
        told = self.type("plugins", "check", plugin)
        names = [line[10:].split("  ")[0] for line in told.text.splitlines() if "FAILED" in line]
        assert told.code == (2 if names else 0), told.text
        return ", ".join(names) or "-"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def factor(name: str) -> list[str]:
    return [f"+factors={{x: {{name: {name}}}}}", BY_X]


def other(kind: str, name: str) -> list[str]:
    return ["+factors={x: returns}", BY_X, f"~{kind}", f"+{kind}={{name: {name}}}"]


def model(name: str) -> list[str]:
    bundle = f"bundle.factors=[{{name: ml_alpha_{name}_5d, weight: 1.0, direction: positive}}]"
    features = "+factors={x: returns, z: 'delta(close, 5) / close'}"
    return [features, "~model", f"+model={{name: {name}}}", *LEARNING, bundle]


# of the gallery: the plugin, what is typed, the part that is named, and where it first shows
PLANTED = {
    "full-sample z-score": ("zscore_all", factor, "factors.x", "2014-01-03 S0000"),
    "label off by one": ("label_shifted_by_horizon", factor, "factors.x", "2014-12-31 S0000"),
    "scaler before split": ("scaled_before_split", factor, "factors.x", "2014-01-09 S0000"),
    "target-encoded symbol": ("target_encoded", factor, "factors.x", "2014-01-02 S0000"),
    "centred window": ("centred_window", factor, "factors.x", "2014-12-30 S0000"),
    "smoothed HMM": (
        "smoothed_hmm", lambda name: other("regime", name), "regimes", "2014-05-21 calm",
    ),
    "same-bar fill": (
        "same_bar", lambda name: other("portfolio", name), "account.portfolio", "2014-12-31 S0000",
    ),
    "a model that keeps memory between fits": (
        "remembers", model, "forecasts", "2014-08-01 S0000",
    ),
}  # fmt: skip
BY_NAME = {leak.name: leak for leak in GALLERY}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_named_with_its_first_date_and_symbol(name: str, shell: Shell) -> None:
    plugin, words, part, where = PLANTED[name]
    told = shell.audit(*words(plugin), YEAR_END)
    assert (told.code, told.leaks) == (1, [part])
    stage, _, which = part.partition(".")
    row = told.row(stage, which)
    assert f"{row['first']['date']} {row['first']['column']}" == where
    assert plugin in told.text
    assert f"LOOK-AHEAD in {part}: {row['why']}" in told.text
    assert shell.broken(plugin) == BY_NAME[name].kit


def test_a_smoothed_probability_is_told_where_it_differs_most(shell: Shell) -> None:
    told = shell.audit(*other("regime", "smoothed_hmm"), YEAR_END)
    assert "; the largest on 2014-12-31 calm: " in told.text


def test_a_model_that_scales_what_it_forecasts_by_itself_is_found(shell: Shell) -> None:
    told = shell.audit(*model("scales_test"), YEAR_END)
    assert (told.code, told.leaks) == (1, ["forecasts"])
    assert told.row("forecasts")["first"]["date"] == "2014-10-28"
    assert shell.broken("scales_test") == "blindness"


@pytest.mark.long
def test_a_selection_shows_on_a_date_by_which_it_would_have_been_another(shell: Shell) -> None:
    words = factor("selected_before_split")
    late = shell.audit(*words, "--dates=2015-07-10")
    assert (late.code, late.leaks) == (0, [])  # the same had been chosen by then
    assert "on 1 date; one that shows on other dates alone would not be found" in late.text
    told = shell.audit(*words)
    assert (told.code, told.leaks) == (1, ["factors.x"])
    row = told.row("factors", "x")
    assert (row["first"]["date"], row["first"]["column"]) == ("2014-01-09", "S0000")
    assert row["variant"] == "on the rows up to 2014-04-30"
    assert shell.broken("selected_before_split") == "blindness"


def test_a_leak_on_the_last_session_of_december_alone_is_found_unasked(shell: Shell) -> None:
    told = shell.audit(*factor("last_of_december"))
    assert (told.code, told.leaks) == (1, ["factors.x"])
    first = told.row("factors", "x")["first"]
    assert (first["date"], first["column"], first["cells"]) == ("2014-12-31", "S0000", 8)
    assert shell.broken("last_of_december") == "-"


def test_a_level_of_adjusted_prices_is_no_leak_and_depends_on_later_splits(shell: Shell) -> None:
    told = shell.audit(*factor("adjusted_level"), YEAR_END)
    assert (told.code, told.leaks) == (0, [])
    row = told.row("factors", "x")
    assert row["verdict"] == "depends on later adjustments"
    assert float(row["first"]["run"]) == 2 * float(row["first"]["variant"])
    assert "depending on later adjustments of prices: factors.x" in told.text
    assert shell.broken("adjusted_level") == "-"


def test_a_leak_is_told_at_the_prompt(site: Path, tmp_path: Path) -> None:
    words = ["audit", *SMALL, *factor("zscore_all"), YEAR_END, "hydra.run.dir=audit"]
    process = start(words, tmp_path, site, HERE)
    out, err = process.communicate()
    assert process.returncode == 1, err
    assert "LOOK-AHEAD in factors.x: x on 2014-01-03 S0000: " in out


def test_the_honest_twins_are_clean(shell: Shell) -> None:
    sets = ", ".join(f"f{i}: {{name: {cls.name}}}" for i, cls in enumerate(leaky.HONEST))
    told = shell.audit(
        f"+factors={{{sets}}}",
        "~portfolio", "+portfolio={name: next_bar}", "~model", "+model={name: forgets}",
        "regime=hmm", "regime.n_init=1", "regime.max_iter=5", "regime.min_train=100",
        *LEARNING,
        "bundle.factors=[{name: ml_alpha_forgets_5d, weight: 0.5, direction: positive}, "
        "{name: f0, weight: 0.5, direction: positive}]",
        "--dates=2015-04-30",
    )  # fmt: skip
    assert told.code == 0, told.text
    verdicts = {
        f"{row['stage']}.{row['name']}".rstrip("."): row["verdict"]
        for row in told.found["verdicts"]
        if row["stage"] in DECIDING
    }
    assert {*verdicts.values()} == {"clean"}
    assert len(verdicts) == len(leaky.HONEST) + 8


@pytest.mark.parametrize("name", [cls.name for cls in leaky.HONEST])
def test_the_kit_finds_nothing_in_an_honest_factor(name: str, shell: Shell) -> None:
    assert shell.broken(name) == "-"


@pytest.mark.parametrize("name", ["next_bar", "forgets", "scales_training"])
def test_the_kit_finds_no_look_ahead_in_the_other_twins(name: str, shell: Shell) -> None:
    assert "blindness" not in shell.broken(name)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("backtest.fill=same_close", "backtest.fill"),
        ("validation.embargo=-1", "validation.embargo"),
        ("label.horizon=0", "label.horizon"),
    ],
)
def test_what_would_look_ahead_by_an_option_is_refused(
    word: str, message: str, shell: Shell
) -> None:
    told = shell.type("run", *SMALL, "+factors={x: returns}", BY_X, word)
    assert told.code == 2
    assert message in told.text
    assert len(told.text.strip().splitlines()) == 1


def test_a_model_gets_no_target_of_a_row_that_it_forecasts() -> None:
    """Its first feature is the date's number, by which it tells what it saw."""
    dates, names, h = 300, 6, 5
    random = np.random.default_rng(3)
    values = random.standard_normal((dates, names))
    values[-h - 1 :] = np.nan
    end = np.arange(dates) + 1 + h
    days = pd.bdate_range("2020-01-01", periods=dates, tz="UTC")
    labels = Labels("fwd_return_5d", h, tuple("ABCDEF"), values, values, end, days)
    number = np.repeat(np.arange(dates, dtype=float), names).reshape(dates, names)
    validation = Validation(min_train=100, n_splits=6, embargo=2, standardize=False)
    leaky_others.SPIED.clear()
    made = walk_forward({"a": number}, labels, leaky_others.Spies(), validation, seed=0)
    assert len(leaky_others.SPIED) == len(made.splits) == 6
    for (latest, targets), split in zip(leaky_others.SPIED, made.splits, strict=True):
        assert latest + 1 + h + 2 == split.test_start - 1
        assert targets == split.n_train == (latest + 1) * names


def test_a_sweep_is_counted(shell: Shell) -> None:
    """Whoever shows the best of 12 has tried 12."""
    if "trials" not in {command.name for command in COMMANDS}:
        pytest.skip("engine trials is not there yet")
    ledger = shell.folder / "trials.sqlite"
    words = [word for word in SMALL if not word.startswith("store")]
    for alpha in range(1, 13):
        told = shell.type(
            "run", *words, "+factors={x: returns, z: 'delta(close, 5) / close'}", *LEARNING,
            "bundle.factors=[{name: ml_alpha_ridge_5d, weight: 1.0, direction: positive}]",
            f"model.alpha={10 * alpha}", f"trials.path={ledger}",
            f"hydra.run.dir={shell.folder / str(alpha)}",
        )  # fmt: skip
        assert told.code == 0, told.text
    told = shell.type("trials", "explain", str(shell.folder / "12"))
    assert told.code == 0, told.text
    assert "12 trials" in told.text


def test_the_page_is_the_gallery() -> None:
    assert PAGE.read_text("utf-8") == render()
