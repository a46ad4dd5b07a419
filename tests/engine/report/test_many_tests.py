"""Tables of more than ten tests show p-values that are adjusted for all of them, first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_report import folder

from engine.report import summary
from engine.report.active import Run
from engine.report.cells import add_p, probability
from engine.report.knowledge import tables
from engine.report.verdict import verdict

HEAD = ["factor", "rank IC", "t", "dates"]


def listed(count: int) -> list[list[str]]:
    return [[f"f{i}", "0.01", "2.0", "99"] for i in range(count)]


def test_ten_tests_are_told_alone():
    head, rows, note = add_p(HEAD, listed(10), [0.01] * 10, at=3)
    assert head == ["factor", "rank IC", "t", "p", "dates"]
    assert rows[0] == ["f0", "0.01", "2.0", "1.0%", "99"]
    assert note == ""


def test_of_eleven_the_adjusted_come_first():
    head, rows, note = add_p(HEAD, listed(12), [0.004, *[0.3] * 10, None], at=3)
    assert head == ["factor", "p among 11", "rank IC", "t", "p alone", "dates"]
    assert rows[0] == ["f0", "4.4%", "0.01", "2.0", "0.4%", "99"]
    assert rows[1] == ["f1", "100.0%", "0.01", "2.0", "30.0%", "99"]
    assert rows[11] == ["f11", "–", "0.01", "2.0", "–", "99"]
    assert note == (
        "p among 11: adjusted for the 11 tests of this table (Holm's method). If none of them had "
        "anything to find, the smallest would be below 5% in at most 5% of cases."
    )


@pytest.mark.parametrize(
    ("p", "text"),
    [(None, "–"), (0.0004, "<0.1%"), (0.0005, "0.1%"), (0.049, "4.9%"), (1.0, "100.0%")],
)
def test_p_values_in_print(p, text):
    assert probability(p) == text


def test_page_and_prompt_of_many_factors(tmp_path):
    run = Run.read(folder(tmp_path, strength=0.3))
    row = replace(run.metrics.signal, rank_ic_p=0.01)
    few = replace(run.metrics, signal=row, forecasts={}, factors={"momentum": row})
    many = replace(few, factors={f"f{i:02d}": row for i in range(10)})
    table = tables(replace(run, metrics=few))[0]
    assert table["head"][:5] == ["factor", "rank IC", "std. error", "t", "p"]
    table = tables(replace(run, metrics=many))[0]
    assert table["head"][:6] == ["factor", "p among 11", "rank IC", "std. error", "t", "p alone"]
    assert (table["rows"][0][1], table["rows"][0][5]) == ("11.0%", "1.0%")
    assert table["note"].startswith("p among 11: adjusted for the 11 tests of this table")

    lines = summary._evidence(few)
    assert lines[0].split()[-3:] == ["se", "t", "p"]
    assert lines[1].split()[-1] == "1.0%"
    lines = summary._evidence(many)
    assert "p among 11" in lines[0]
    assert lines[0].endswith("p alone")
    assert lines[1].split()[1] == "11.0%"
    assert lines[-1].startswith("p among 11: adjusted")

    lines = summary.sweep([(["a=1"], tmp_path, few)] * 10, []).splitlines()
    assert lines[0].split() == [
        "Sharpe",
        "±",
        "se",
        "CAGR",
        "rank",
        "IC",
        "t",
        "overrides",
        "→",
        "folder",
    ]
    lines = summary.sweep([(["a=1"], tmp_path, few)] * 11, []).splitlines()
    assert "p among 11" in lines[0]
    assert lines[1].split()[3] == "11.0%"
    assert lines[-2].startswith("p among 11: adjusted")


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.04, "p = 4.0%): above zero by more than chance"),
        (0.06, "p = 6.0%): not distinguishable from zero."),
    ],
)
def test_the_verdict_goes_by_p_not_by_t(tmp_path, p, words):
    run = Run.read(folder(tmp_path))
    signal = replace(run.metrics.signal, rank_ic_mean=0.05, rank_ic_se=0.023, rank_ic_p=p)
    text = " ".join(verdict(replace(run, metrics=replace(run.metrics, signal=signal))))
    assert words in text


def test_long_tables_are_folded(tmp_path):
    made = {table["title"]: table for table in tables(Run.read(folder(tmp_path)))}
    parts = made["Rank IC of the score by sector, size, regime and year"]
    assert parts["folded"]
    assert [row[:2] for row in parts["rows"]][:3] == [
        ["sector", "x"], ["sector", "y"], ["sector", "unknown"],
    ]  # fmt: skip
    assert made["Highest less lowest tenth, over 5 days"]["folded"]
    assert not made["Score and factors"]["folded"]
