"""What the league of models prints: benchmarks/league_table.py, and why a run failed."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
from builders import ROOT

import engine
from engine.plugin.registry import Entry
from engine.study import newey_west_t

NAMES = ("league", "league_table")


@pytest.fixture(scope="module")
def modules() -> Iterator[dict[str, ModuleType]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        yield {name: importlib.import_module(name) for name in NAMES}


@pytest.fixture
def table(modules: dict[str, ModuleType]) -> ModuleType:
    return modules["league_table"]


@pytest.fixture
def program(modules: dict[str, ModuleType]) -> ModuleType:
    return modules["league"]


def draw_daily() -> dict[str, np.ndarray]:
    """A model that is ahead of ridge on each date by a tenth, give or take, and one that is not."""
    random = np.random.default_rng(3)
    ridge = random.normal(0.02, 0.2, 1000)
    ahead = ridge + random.normal(0.1, 0.2, 1000)
    alike = ridge + random.normal(0.0, 0.2, 1000)
    ahead[::50] = np.nan
    return {"alike": alike, "ahead": ahead, "ridge": ridge, "same": ridge.copy()}


def test_a_model_is_compared_with_ridge_on_the_dates_that_both_have(table: ModuleType) -> None:
    daily = draw_daily()
    made = table.compare(daily, 5)
    assert set(made) == {"alike", "ahead", "same"}
    alone = newey_west_t(daily["ahead"] - daily["ridge"], 15)
    assert (made["ahead"].mean, made["ahead"].t) == (alone.mean, alone.t)
    assert made["ahead"].mean == pytest.approx(np.nanmean(daily["ahead"] - daily["ridge"]))
    assert made["ahead"].adjusted < 0.001
    assert made["alike"].adjusted > 0.05


def test_the_p_values_are_adjusted_for_all_models_that_can_be_compared(table: ModuleType) -> None:
    """Holm's: the smallest of two is doubled, the other is at least that; `same` is no test."""
    made = table.compare(draw_daily(), 5)
    small, large = sorted((made["ahead"], made["alike"]), key=lambda each: each.p)
    assert small.adjusted == pytest.approx(min(2 * small.p, 1.0))
    assert large.adjusted == pytest.approx(max(large.p, small.adjusted))
    assert made["same"].adjusted is None
    assert made["same"].mean == 0.0


def test_without_ridge_nothing_is_compared(table: ModuleType) -> None:
    daily = {name: values for name, values in draw_daily().items() if name != "ridge"}
    assert table.compare(daily, 5) == {}
    assert table.find_confident(daily) is None


def test_the_confidence_set_holds_the_best_and_not_the_worst(table: ModuleType) -> None:
    pytest.importorskip("arch")
    assert set(table.find_confident(draw_daily())) == {"ahead"}


@pytest.fixture
def standing(table: ModuleType):
    rows = (
        table.Row("lightgbm", failed="needs an extra: a|b"),
        table.Row("ridge", "", 0.01, 0.5, 0.3, 0.35, 0.61, 0.042, 1.25, 300.0, 501.0),
        table.Row("ahead", "", 0.02, 2.1, 0.8, 0.36, 0.92, 0.05, 30.0, 420.0, 510.0),
        table.Row("same", "", 0.01, 0.5, None, None, None, None, 2.0, 310.0, 502.0),
    )
    gaps = {
        "ahead": table.Difference(0.01, 3.4, 0.0005, 0.001),
        "same": table.Difference(0.0, np.nan, np.nan, None),
    }
    return table.Standing("ai_tech", "43 symbols.", rows, gaps, ("ahead",), 3, 1.5)


def test_the_table_has_every_model_and_the_best_first(table: ModuleType, standing) -> None:
    assert table.draw_table(standing).splitlines() == [
        "| model | rank IC | t | less ridge's | t | p | p among 1 | may be best | net Sharpe "
        "| deflated | turnover | fit, s | fit, MB | run, MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: "
        "| ---: | ---: |",
        "| `ahead` | 0.0200 | 2.1 | +0.0100 | 3.4 | 0.001 | 0.001 | yes | 0.80 ± 0.36 | 0.92 "
        "| 0.050 | 30.0 | 420 | 510 |",
        "| `ridge` | 0.0100 | 0.5 | – | – | – | – | no | 0.30 ± 0.35 | 0.61 | 0.042 | 1.2 "
        "| 300 | 501 |",
        "| `same` | 0.0100 | 0.5 | +0.0000 | – | – | – | no | – ± – | – | – | 2.0 | 310 | 502 |",
        "| `lightgbm` | needs an extra: a\\|b |  |  |  |  |  |  |  |  |  |  |  |  |",
    ]


def test_the_sentences_say_what_differs_beyond_chance(table: ModuleType, standing) -> None:
    assert [*table.say(standing)] == [
        "Beyond chance (5% after Holm's adjustment for 1 model), better than ridge: `ahead`; "
        "worse: none. The others cannot be told apart from it on these dates.",
        "Of 3 models 1 may have the highest rank IC (model confidence set, 95%); not among them: "
        "`ridge`, `same`.",
        "The best net Sharpe ratio, 0.80 of `ahead`, is that of 3 trials, worth about 1.5 "
        "independent ones; deflated for all 3 it is 0.92.",
    ]


def test_only_what_stands_between_the_markers_is_replaced(table: ModuleType) -> None:
    page = f"# League\n\nabove\n\n{table.BEGIN}\n\nold\n\n{table.END}\n\nbelow\n"
    made = table.replace_section(page, "new")
    assert made == page.replace("old", "new")
    assert table.replace_section(made, "new") == made
    with pytest.raises(ValueError, match="the page needs the lines"):
        table.replace_section("no markers", "new")


def test_the_page_has_its_markers(table: ModuleType, program: ModuleType) -> None:
    page = program.PAGE.read_text("utf-8")
    assert table.replace_section(page, "new").count("\nnew\n") == 1


@pytest.mark.parametrize(
    ("code", "said", "why"),
    [
        (2, "WARNING: a\nengine: no label: type x\nlast", "no label: type x"),
        (1, "Traceback\nMemoryError\n\n", "MemoryError"),
        (1, "", "exit code 1"),
        (-9, "whatever", "ended by SIGKILL, as when memory runs out"),
        (-11, "", "ended by SIGSEGV"),
    ],
)
def test_a_run_that_fails_says_why_in_a_line(
    code: int, said: str, why: str, program: ModuleType
) -> None:
    assert program.explain(code, said) == why


def test_every_built_in_model_runs_or_is_left_out_with_what_it_needs(program: ModuleType) -> None:
    @dataclass(frozen=True)
    class Wanting(engine.Model):
        """Needs a file."""

        name = "wanting"
        path: str = engine.option("", "a file")
        alpha: float = engine.option(1.0, "a number")

    assert program.list_needed(Entry("model", Wanting, "alpha-engine", "1")) == ["path"]
    models, wanting = program.list_models()
    known = {path.stem for path in (ROOT / "conf" / "model").glob("*.yaml")}
    assert {*models, *wanting} == known
    assert not {*models} & {*wanting}


def test_a_league_without_data_says_what_is_missing(
    program: ModuleType, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(program, "SHARED", tmp_path)
    monkeypatch.setattr(program, "PLACE", tmp_path / "league")
    monkeypatch.setattr("sys.argv", ["league.py"])
    program.main()
    said = capsys.readouterr().out
    assert said.count("skipped: no ") == 2
    assert f"ai_tech: skipped: no {tmp_path}/data/ai_tech_2014_2022.parquet" in said
    assert not (tmp_path / "league").exists()
