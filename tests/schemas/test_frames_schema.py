"""What the contracts share: keys of long and dated frames, columns of numbers."""

import numpy as np
import pandas as pd
import pytest
from pandera.errors import SchemaErrors

from engine.schemas._frames import dated_frame, long_frame, number, rule
from engine.schemas.bars import bars_schema
from engine.schemas.factors import factors_schema
from engine.schemas.forecasts import forecasts_schema
from engine.schemas.regimes import regimes_schema
from engine.schemas.returns import returns_schema
from engine.schemas.signal import signal_schema
from engine.schemas.weights import weights_schema

NUMBER = {"x": number(nullable=True)}
SORTED = "rows ascend by timestamp, then symbol"
UNIQUE = "no (timestamp, symbol) pair comes twice"
DATED = "timestamps ascend and are unique"


def days(*stamps, tz="UTC"):
    return pd.to_datetime([None if s is None else f"2024-01-0{s}" for s in stamps]).tz_localize(tz)


def long(stamps=(1, 1, 2), symbols=("A", "B", "A")):
    return pd.DataFrame({"timestamp": days(*stamps), "symbol": pd.Categorical(symbols), "x": 1.0})


def failed(schema, frame):
    """(check, row) of every failure, each once."""
    with pytest.raises(SchemaErrors) as caught:
        schema.validate(frame, lazy=True)
    cases = caught.value.failure_cases
    return set(zip(cases["check"].astype(str), cases["index"], strict=True))


def passes(column, values):
    frame = pd.DataFrame({"timestamp": days(*range(1, len(values) + 1)), "x": values})
    try:
        dated_frame("numbers", {"x": column}).validate(frame, lazy=True)
    except SchemaErrors:
        return False
    return True


@pytest.mark.parametrize(
    ("stamps", "symbols", "failures"),
    [
        ((1, 2, 1), "AAB", {(SORTED, 2)}),
        ((1, 1, 2), "BAA", {(SORTED, 1)}),
        ((1, 1, 2), "AAA", {(SORTED, 1), (UNIQUE, 1)}),
        ((1, 2, 1), "AAA", {(SORTED, 2), (UNIQUE, 2)}),
        ((1, 1, None), "ABA", {(SORTED, 2), ("not_nullable", 2)}),
        ((1, 1, 2), ("A", "B", None), {("not_nullable", 2)}),
    ],
)
def test_a_long_frame_names_the_rows_that_break_its_order(stamps, symbols, failures):
    frame = long(stamps, tuple(symbols))
    assert failed(long_frame("things", NUMBER), frame) == failures


def test_the_order_is_that_of_names_for_more_symbols_than_a_byte_counts():
    names = [f"S{i:03d}" for i in range(300)]
    symbol = pd.Categorical(names, categories=names[::-1])
    frame = pd.DataFrame({"timestamp": days(*[1] * 300), "symbol": symbol, "x": 1.0})
    schema = long_frame("things", NUMBER)
    schema.validate(frame, lazy=True)
    assert failed(schema, frame[::-1].reset_index(drop=True)) == {
        (SORTED, i) for i in range(1, 300)
    }


@pytest.mark.parametrize(
    ("stamps", "failures"),
    [
        (days(1, 3, 2), {(DATED, 2)}),
        (days(1, 2, 2), {(DATED, 2)}),
        (days(1, 2, None), {(DATED, 2), ("not_nullable", 2)}),
        (days(1, 2, 3, tz=None), {("timestamps are in UTC", None)}),
        (days(1, 2, 3, tz="Asia/Tokyo"), {("timestamps are in UTC", None)}),
    ],
)
def test_a_dated_frame_names_the_rows_that_break_its_order(stamps, failures):
    frame = pd.DataFrame({"timestamp": stamps, "x": 1.0})
    assert failed(dated_frame("things", NUMBER), frame) == failures


@pytest.mark.parametrize("schema", [long_frame("things", NUMBER), dated_frame("things", NUMBER)])
def test_a_frame_without_rows_passes_and_columns_are_strict(schema):
    frame = long().iloc[:0][list(schema.columns)]
    schema.validate(frame, lazy=True)
    assert failed(schema, frame.assign(y=1.0)) == {("column_in_schema", None)}
    assert failed(schema, frame.drop(columns="x")) == {("column_in_dataframe", None)}


@pytest.mark.parametrize(
    ("bounds", "good", "bad"),
    [
        ({}, [-1e300, 0.0, 1e300], [[np.inf], [-np.inf]]),
        ({"ge": -1.0}, [-1.0, 5.0], [[-1.1], [np.inf]]),
        ({"gt": 0.0}, [1e-300, 5.0], [[0.0], [-1.0]]),
        ({"within": (0.0, 1.0)}, [0.0, 1.0], [[-0.1], [1.1]]),
        ({"max_abs": 0.3}, [0.1 + 0.2, -0.3], [[0.3001], [-0.3001]]),
    ],
)
def test_a_number_keeps_its_bounds_and_skips_nan_where_it_is_allowed(bounds, good, bad):
    assert passes(number(**bounds), good)
    assert passes(number(nullable=True, **bounds), [np.nan, *good])
    assert not passes(number(**bounds), [np.nan, *good])
    for values in bad:
        assert not passes(number(nullable=True, **bounds), [np.nan, *good, *values])


def test_a_rule_between_columns_names_its_rows():
    above = rule("above", "x is above y", lambda f: ~(f["x"] <= f["y"]))
    frame = long().assign(y=[0.0, np.nan, 2.0])
    schema = long_frame("things", {**NUMBER, "y": number(nullable=True)}, [above])
    assert failed(schema, frame) == {("x is above y", 2)}


@pytest.mark.parametrize(
    "schema",
    [
        bars_schema(["open", "close", "volume"]),
        factors_schema(["momentum"]),
        forecasts_schema("forecast"),
        regimes_schema(["calm"]),
        returns_schema(["cost_fee"]),
        signal_schema(),
        weights_schema(1.0),
    ],
    ids=lambda schema: schema.name,
)
def test_no_check_makes_pandera_drop_nulls_first(schema):
    """That takes longer on a large frame than all the checks together."""
    asked = schema.schema()
    checks = [c for column in asked.columns.values() for c in column.checks] + asked.checks
    assert checks
    assert not any(check.ignore_na for check in checks)
