"""Each table of a run but the stages' own: a good frame passes, and each check can fail.

`BROKEN` has a frame for each check; what every column of a kind is asked (its type, no
infinity, UTC, no null where none may be) is broken column by column.
"""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from broken import BROKEN, GOOD, MAY_BE_NAN, RULE
from pandera.errors import SchemaErrors

from engine.pipeline.stages import CONTRACTS


def good(table):
    """The table's contract, and a frame that keeps it."""
    facts, columns = GOOD[table]
    return CONTRACTS[table](**facts), pd.DataFrame(columns)


def failures(schema, frame):
    """(column, check) of each failure; no column where the check is one of the whole frame."""
    with pytest.raises(SchemaErrors) as caught:
        schema.validate(frame, lazy=True)
    cases = caught.value.failure_cases
    columns = cases["column"].where(cases["schema_context"] == "Column", RULE)
    return set(zip(columns.astype(str), cases["check"].astype(str), strict=True))


def columns(kind):
    return [(t, name) for t in GOOD for name, s in good(t)[1].items() if kind(s)]


@pytest.mark.parametrize("table", GOOD)
def test_a_good_frame_passes_unchanged(table):
    schema, frame = good(table)
    assert schema.is_kept(frame)
    pd.testing.assert_frame_equal(schema.validate(frame, lazy=True), good(table)[1])
    pd.testing.assert_frame_equal(schema.schema().validate(frame, lazy=True), good(table)[1])


@pytest.mark.parametrize(("table", "column", "check", "change"), BROKEN)
def test_a_broken_frame_fails_its_check(table, column, check, change):
    schema, frame = good(table)
    assert (column, check) in failures(schema, frame.assign(**change))


@pytest.mark.parametrize("table", GOOD)
def test_each_check_has_a_frame_that_breaks_it(table):
    schema, _ = good(table)
    own = {(name, c.error) for name, column in schema.columns.items() for c in column.checks}
    asked = {(n, e) for n, e in own if e not in ("no infinities", "timestamps are in UTC")}
    asked |= {(RULE, check.error) for check in schema.checks}
    assert asked == {(column, check) for t, column, check, _ in BROKEN if t == table}


@pytest.mark.parametrize("table", GOOD)
def test_missing_and_unknown_columns_are_refused(table):
    schema, frame = good(table)
    for name in frame:
        cases = failures(schema, frame.drop(columns=name))
        assert "column_in_dataframe" in {check for _, check in cases}
    assert "column_in_schema" in {check for _, check in failures(schema, frame.assign(extra=1.0))}


@pytest.mark.parametrize(("table", "column"), columns(lambda s: s.dtype.kind in "fi"))
def test_numbers_have_their_type(table, column):
    schema, frame = good(table)
    kind = str(frame[column].dtype)
    frame[column] = frame[column].fillna(0).astype("int64" if kind == "float64" else "float64")
    assert (column, f"dtype('{kind}')") in failures(schema, frame)


@pytest.mark.parametrize(("table", "column"), columns(lambda s: s.dtype.kind == "f"))
def test_numbers_are_finite_and_known_but_where_nan_may_be(table, column):
    schema, frame = good(table)
    for infinite in (np.inf, -np.inf):
        frame.loc[1, column] = infinite
        assert (column, "no infinities") in failures(schema, frame)
    frame[column] = np.array([np.nan] * len(frame))
    found = set() if passes(schema, frame) else failures(schema, frame)
    assert ((column, "not_nullable") in found) == (column not in MAY_BE_NAN.get(table, ()))


def passes(schema, frame):
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors:
        return False
    return True


@pytest.mark.parametrize(("table", "column"), columns(lambda s: s.dtype.kind == "M"))
def test_times_are_in_utc_and_known(table, column):
    schema, frame = good(table)
    for zone in (None, "US/Eastern"):
        times = frame[column].dt.tz_convert(zone)
        assert (column, "timestamps are in UTC") in failures(
            schema, frame.assign(**{column: times})
        )
    frame.loc[1, column] = pd.NaT
    assert (column, "not_nullable") in failures(schema, frame)


@pytest.mark.parametrize(("table", "column"), columns(lambda s: s.dtype.kind == "O"))
def test_text_has_its_type_and_is_known(table, column):
    schema, frame = good(table)
    numbers = frame.assign(**{column: 1})
    assert any(c == column and "dtype" in check for c, check in failures(schema, numbers))
    frame.loc[1, column] = None
    assert (column, "not_nullable") in failures(schema, frame)


@pytest.mark.parametrize("table", ["holdings", "orders", "delistings", "round_trips", "sectors",
                                   "capacity"])  # fmt: skip
def test_a_table_without_a_row_passes(table):
    schema, frame = good(table)
    schema.validate(frame.iloc[:0], lazy=True)


@pytest.mark.parametrize("table", ["calibration", "slopes"])
def test_without_a_forecast_the_tables_are_empty_and_have_no_types(table):
    schema, frame = CONTRACTS[table](names=()), good(table)[1]
    schema.validate(pd.DataFrame([], columns=list(frame)), lazy=True)
    assert not passes(schema, frame)
    assert not passes(good(table)[0], pd.DataFrame([], columns=list(frame)))


@pytest.mark.parametrize("table", [name for name, (facts, _) in GOOD.items() if "names" in facts])
def test_a_row_too_few_or_too_many_is_refused(table):
    if table in ("ic", "coverage"):  # names are columns there
        return
    schema, frame = good(table)
    assert not passes(schema, frame.iloc[:-1])
    assert not passes(schema, frame.iloc[[*range(len(frame)), len(frame) - 1]])


@pytest.mark.parametrize("table", GOOD)
def test_no_check_makes_pandera_drop_nulls_first(table):
    """That takes longer on a large frame than all the checks together."""
    schema = good(table)[0].schema()
    checks = [c for column in schema.columns.values() for c in column.checks] + schema.checks
    assert not any(check.ignore_na for check in checks)


def test_a_table_that_keeps_its_contract_is_judged_without_pandera():
    code = """
import sys
import pandas as pd
from engine.core.contracts import validate
from engine.pipeline.stages import CONTRACTS
days = pd.date_range("2024-01-01", periods=2, tz="UTC")
frame = pd.DataFrame({"timestamp": days, "symbol": pd.Categorical([*"AA"]), "mf_score": 1.0})
validate(CONTRACTS["signal"](), frame, "signal")
sys.exit("pandera" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("symbol", "score"), [(["A", None], 1.0), ("AA", np.inf), ("AA", 1), ("AA", "x")]
)
def test_what_cannot_be_judged_by_the_rules_alone_is_for_pandera(symbol, score):
    frame = pd.DataFrame(
        {"timestamp": pd.date_range("2024-01-01", periods=2, tz="UTC"), "symbol": [*symbol]}
    ).assign(mf_score=score)
    contract = CONTRACTS["signal"]()
    assert not contract.is_kept(frame.astype({"symbol": "category"}))
    assert not contract.is_kept(frame.assign(mf_score=1.0))  # symbols as text
