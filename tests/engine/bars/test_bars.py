"""From a source's frame to a panel: what is found, what is done about it, what comes out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from engine.bars.layout import Findings, Policy, build
from engine.core.errors import ConfigError, DataError, PluginError
from engine.core.panel import Panel
from engine.core.universe import Interval, Universe
from engine.schemas.bars import bars_schema

D = ["2020-01-02", "2020-01-03", "2020-01-06"]  # Thursday, Friday, Monday


def bars(**columns: object) -> pd.DataFrame:
    """Symbols A and B on three days, by symbol; `columns` replaces or adds columns."""
    base = {
        "timestamp": pd.DatetimeIndex(D * 2, tz="UTC"),
        "symbol": ["A"] * 3 + ["B"] * 3,
        "open": [10.0, 11.0, 12.0, 20.0, 21.0, 22.0],
        "high": [11.0, 12.0, 13.0, 21.0, 22.0, 23.0],
        "low": [9.0, 10.0, 11.0, 19.0, 20.0, 21.0],
        "close": [10.5, 11.5, 12.5, 20.5, 21.5, 22.5],
        "volume": [100, 200, 300, 400, 500, 600],
    }
    return pd.DataFrame({**base, **columns})


def found(frame: pd.DataFrame, universe: Universe | None = None, **policy: str) -> Findings:
    return build(frame, universe or Universe(), Policy(**policy))[1]


def with_value(column: str, row: int, value: float) -> pd.DataFrame:
    frame = bars()
    frame[column] = frame[column].astype(float)
    frame.loc[row, column] = value
    return frame


def test_a_clean_frame_becomes_arrays_of_dates_by_symbols() -> None:
    panel, findings = build(bars(), Universe())
    assert panel.symbols == ("A", "B")
    assert list(panel.dates) == [pd.Timestamp(day, tz="UTC") for day in D]
    np.testing.assert_array_equal(panel["close"], [[10.5, 20.5], [11.5, 21.5], [12.5, 22.5]])
    np.testing.assert_array_equal(panel["volume"], [[100, 400], [200, 500], [300, 600]])
    assert (findings.rows_in, findings.rows_out) == (6, 6)
    assert set(findings.counts.values()) == {0}
    assert findings.lines() == ["bars: 6 rows in, 6 out"]


def test_the_panel_keeps_the_schema() -> None:
    panel, _ = build(bars(), Universe())
    bars_schema(list(panel.fields)).validate(panel.long(panel.fields), lazy=True)


@pytest.mark.parametrize("kind", ["str", "object", "category"])
def test_agrees_with_from_long_however_symbols_are_stored(kind: str) -> None:
    frame = bars(symbol=pd.Series(["B"] * 3 + ["A"] * 3).astype(kind)).drop(index=[1])
    panel, oracle = build(frame, Universe())[0], Panel.from_long(frame)
    assert panel.symbols == oracle.symbols
    for name in oracle.fields:
        np.testing.assert_array_equal(panel[name], oracle[name])


def test_the_order_of_symbols_in_the_source_does_not_matter() -> None:
    turned = bars().iloc[[3, 4, 5, 0, 1, 2]]
    for name, array in build(bars(), Universe())[0].fields.items():
        np.testing.assert_array_equal(build(turned, Universe())[0][name], array)


def test_a_row_without_close_is_no_bar() -> None:
    panel, findings = build(with_value("close", 1, np.nan), Universe())
    assert findings.counts["missing_close"] == 1
    assert findings.actions == {"missing_close": "drop"}
    assert np.isnan(panel["open"][1, 0])
    assert findings.rows_out == 5


FINDINGS = [
    ("nonfinite", "high", 4, np.inf, "2020-01-03 B"),
    ("nonpositive", "low", 4, 0.0, "low=0"),
    ("nonpositive", "volume", 4, -1.0, "volume=-1"),
    ("ohlc", "low", 4, 21.2, "low=21.2"),
    ("ohlc", "high", 4, 21.2, "high=21.2"),
]


@pytest.mark.parametrize(("name", "column", "row", "value", "shown"), FINDINGS)
def test_raise_names_the_finding_the_row_and_what_to_type(
    name: str, column: str, row: int, value: float, shown: str
) -> None:
    with pytest.raises(DataError, match=f"set bars.{name}=drop") as caught:
        found(with_value(column, row, value), **{name: "raise"})
    message = str(caught.value)
    assert shown in message
    assert message.startswith("1 rows have")
    assert "\n" not in message


@pytest.mark.parametrize(("name", "column", "row", "value", "shown"), FINDINGS)
def test_drop_takes_the_whole_bar_out_and_counts_it(
    name: str, column: str, row: int, value: float, shown: str
) -> None:
    panel, findings = build(with_value(column, row, value), Universe(), Policy(**{name: "drop"}))
    assert not panel.present[1, 1]
    assert panel.present.sum() == 5
    assert findings.counts[name] == 1
    assert shown in findings.examples[name][0]


@pytest.mark.parametrize(("column", "value"), [("low", 0.0), ("volume", -1.0)])
def test_keep_lets_pass_and_counts(column: str, value: float) -> None:
    policy = Policy(nonpositive="keep")
    panel, findings = build(with_value(column, 4, value), Universe(), policy)
    assert panel[column][1, 1] == value
    assert (findings.counts["nonpositive"], findings.rows_out) == (1, 6)
    assert policy.kept == {"nonpositive", "thin", "absurd"}


def test_a_dropped_row_is_not_counted_twice() -> None:
    findings = found(with_value("low", 4, np.inf), nonfinite="drop", ohlc="drop")
    assert (findings.counts["nonfinite"], findings.counts["ohlc"]) == (1, 0)


def test_duplicates_are_refused_or_the_first_is_taken() -> None:
    twice = pd.concat([bars(), bars().iloc[[4]].assign(close=21.9)])
    with pytest.raises(DataError, match=r"2020-01-03 B .*set bars.duplicates=drop"):
        found(twice, unsorted="keep")
    panel, findings = build(twice, Universe(), Policy(duplicates="drop", unsorted="keep"))
    assert panel["close"][1, 1] == 21.5
    assert findings.counts["duplicates"] == 1


def test_dates_out_of_order_are_refused_or_sorted() -> None:
    mixed = bars().iloc[[0, 2, 1, 3, 4, 5]]
    with pytest.raises(DataError, match=r"2020-01-03 A .*set bars.unsorted=keep"):
        found(mixed)
    panel, findings = build(mixed, Universe(), Policy(unsorted="keep"))
    np.testing.assert_array_equal(panel["close"][:, 0], [10.5, 11.5, 12.5])
    assert findings.counts["unsorted"] == 1
    assert found(bars().iloc[[0, 3, 1, 4, 2, 5]]).counts["unsorted"] == 0


def test_days_off_the_calendar() -> None:
    sunday = bars(timestamp=pd.DatetimeIndex([D[0], D[1], "2020-01-05"] * 2, tz="UTC"))
    panel, findings = build(sunday, Universe(calendar="XNYS"))
    assert findings.counts["off_calendar"] == 2
    assert len(panel.dates) == 2
    assert found(sunday).counts["off_calendar"] == 0
    assert found(sunday, Universe(calendar="XNYS"), off_calendar="keep").rows_out == 6
    with pytest.raises(DataError, match=r"set bars.off_calendar=drop"):
        found(sunday, Universe(calendar="XNYS"), off_calendar="raise")


def test_an_unknown_calendar_is_named() -> None:
    with pytest.raises(ConfigError, match=r"universe.calendar=XNYZ is not known: did you mean"):
        found(bars(), Universe(calendar="XNYZ"))


def test_the_worst_three_examples_are_shown() -> None:
    frame = bars(low=[9.0, 11.4, 12.4, 20.4, 21.4, 22.4])
    frame["open"] = [10.0, 11.0, 11.0, 20.0, 20.0, 10.0]
    findings = found(frame, ohlc="keep")
    assert findings.counts["ohlc"] == 5
    assert [text.split(" open")[0] for text in findings.examples["ohlc"]] == [
        "2020-01-06 B",
        "2020-01-06 A",
        "2020-01-03 B",
    ]


@pytest.mark.parametrize(
    ("name", "action"),
    [
        ("duplicates", "keep"),
        ("unsorted", "drop"),
        ("nonfinite", "keep"),
        ("ohlc", "mend"),
        ("thin", "mask"),
    ],
)
def test_answers_that_make_no_sense_are_refused(name: str, action: str) -> None:
    with pytest.raises(ConfigError, match=rf"bars\.{name}={action}: (choose from|did you mean)"):
        Policy(**{name: action})


def test_nothing_left_is_an_error_that_says_why() -> None:
    with pytest.raises(DataError, match=r"no bar is left of 6 rows: bars.missing_close: 6"):
        found(bars(close=[np.nan] * 6))


def test_the_universe_chooses_symbols_and_lists_what_is_missing() -> None:
    panel, findings = build(bars(), Universe(symbols=["B", "Z", "Y"]))
    assert panel.symbols == ("B",)
    np.testing.assert_array_equal(panel["close"], [[20.5], [21.5], [22.5]])
    assert findings.missing_symbols == ("Y", "Z")
    assert findings.rows_in == 3
    assert findings.lines()[-1] == "not in the source: Y, Z"


def test_dirt_of_symbols_outside_the_universe_does_not_matter() -> None:
    assert found(with_value("low", 1, -1.0), Universe(symbols=["B"])).rows_out == 3


def test_no_symbol_in_common_gives_counts_and_examples() -> None:
    with pytest.raises(DataError) as caught:
        found(bars(), Universe(name="mine", symbols=["W", "X", "Y", "Z"]))
    assert str(caught.value) == (
        "universe 'mine' has 4 symbols (W, X, Y … (4 in all)), the source has 2 (A, B), "
        "and none is in both: set universe.symbols"
    )


def test_dates_are_those_with_a_bar() -> None:
    panel, _ = build(bars().iloc[[0, 3, 5]], Universe(calendar="XNYS"))
    assert [f"{day:%Y-%m-%d}" for day in panel.dates] == [D[0], D[2]]
    assert np.isnan(panel["close"][1, 0])


def test_membership_comes_from_the_universe() -> None:
    universe = Universe(members=[Interval("A", "2020-01-03", None)])
    np.testing.assert_array_equal(build(bars(), universe)[0].member[:, 0], [False, True, True])


def test_groups_are_labels_and_tags_stand_above_them() -> None:
    frame = bars(sector=["Tech", "Tech", None, None, None, None], country=["US"] * 3 + ["NL"] * 3)
    panel, _ = build(frame, Universe(tags={"sector": {"B": "Energy"}, "size": {"A": "big"}}))
    assert panel.groups == {
        "sector": ("Tech", "Energy"),
        "country": ("US", "NL"),
        "size": ("big", ""),
    }
    assert "sector" not in panel


def test_series_take_the_last_value_known_and_none_from_the_future() -> None:
    index = pd.DatetimeIndex(["2020-01-06", "2020-01-03", "2020-01-07"], tz="UTC")
    series = pd.DataFrame({"vix": [np.nan, 14.0, 99.0], "rate": [2.0, 1.0, 3.0]}, index=index)
    panel, _ = build(bars(), Universe(), None, series)
    np.testing.assert_array_equal(panel.series["vix"], [np.nan, 14.0, 14.0])
    np.testing.assert_array_equal(panel.series["rate"], [np.nan, 1.0, 2.0])


def test_series_with_two_values_a_day_are_refused() -> None:
    index = pd.DatetimeIndex(["2020-01-03", "2020-01-03"], tz="UTC")
    with pytest.raises(DataError, match="two values for 2020-01-03"):
        build(bars(), Universe(), None, pd.DataFrame({"vix": [1.0, 2.0]}, index=index))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (bars().drop(columns="close"), "no column 'close'"),
        (bars(timestamp=pd.DatetimeIndex(D * 2)), "make them UTC"),
        (bars(timestamp=pd.DatetimeIndex([pd.NaT, *D, *D[:2]], tz="UTC")), "without a timestamp"),
        (bars(symbol=["A", None] * 3), "without a timestamp or symbol"),
        (bars(close=["a"] * 6), "column 'close' holds"),
        (bars(filed=pd.DatetimeIndex(D * 2)), "column 'filed' holds"),
    ],
)
def test_a_source_that_breaks_its_contract_is_named(frame: pd.DataFrame, says: str) -> None:
    with pytest.raises(PluginError, match=says):
        found(frame)
