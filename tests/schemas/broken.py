"""Tables of a run: a frame that keeps each contract, and one for each check that breaks it."""

import numpy as np
import pandas as pd
from builders import NAN

DAYS = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-02"], tz="UTC")
TWO = pd.DatetimeIndex(["2024-01-01", "2024-01-02"], tz="UTC")
NAMES, STATES = ["mf_score", "momentum"], ["calm", "wild"]
STUDIED = {"names": NAMES}
FORECAST = {"names": ["ml_alpha_ridge_5d"]}
LONG = {"timestamp": DAYS, "symbol": pd.Categorical(["A", "A", "B"])}
LAGS = {f"rank_autocorrelation_{lag}d": [0.9, NAN] for lag in (1, 20)}
NEW = {f"{end}_new_{lag}d": [0.2, NAN] for end in ("top", "bottom") for lag in (1, 5, 20)}
TESTED = {
    "standard_error": [0.1, 0.5, 0.0, NAN],
    "t": [1.0, -2.0, NAN, NAN],
    "p": [0.3, 0.0, NAN, NAN],
    "dates": [2, 3, 2, 1],
}

GOOD = {
    "holdings": ({}, {**LONG, "weight": [0.5, -0.5, 0.0]}),
    "orders": ({}, {**LONG, "shares": [9.0, -9.0, 1.0], "price": [2.0, 3.0, 4.0], "rate": 0.0}),
    "delistings": (
        {},
        {
            "timestamp": TWO,
            "symbol": pd.Categorical(["B", "A"]),
            "shares": [10.0, -10.0],
            "last_close": [5.0, -1.0],
            "payout": [4.0, -2.0],
            "contribution": [-0.1, 0.1],
        },
    ),
    "round_trips": (
        {},
        {
            "symbol": pd.Categorical(["A", "A", "B"]),
            "opened": DAYS[[0, 1, 0]],
            "closed": DAYS[[1, 1, 1]],
            "direction": [0.0, 1.0, 0.0],
            "status": [1.0, 0.0, 1.0],
            "size": [1.0, 2.0, 3.0],
            "entry_price": [4.0, 5.0, 6.0],
            "exit_price": [5.0, -1.0, 5.0],
            "entry_fees": [0.0, 1.0, 1.0],
            "exit_fees": [0.0, 0.0, 1.0],
            "pnl": [1.0, 11.0, -5.0],
            "return": [0.25, 1.1, -0.3],
        },
    ),
    "ic": (STUDIED, {"timestamp": TWO, "mf_score": [NAN, 1.0], "momentum": [-1.0, 0.0]}),
    "coverage": (STUDIED, {"timestamp": TWO, "mf_score": [NAN, 1.0], "momentum": [NAN, 0.0]}),
    "decay": (
        STUDIED,
        {
            "name": NAMES * 6,
            "days": np.repeat([1, 5, 10, 20, 40, 60], 2),
            "rank_ic": [*[0.1, -0.1] * 5, NAN, NAN],
            "standard_error": [*[0.1, 0.0] * 5, NAN, NAN],
        },
    ),
    "correlations": (
        {"names": [*NAMES, "value"]},
        {
            "name": ["mf_score", "mf_score", "momentum"],
            "other": ["momentum", "value", "value"],
            "correlation": [1.0, -1.0, NAN],
        },
    ),
    "persistence": (STUDIED, {"name": NAMES, **LAGS, "coverage": [1.0, NAN], **NEW}),
    "quantiles": (
        STUDIED,
        {
            "name": np.repeat(NAMES, 5),
            "quantile": [1, 2, 3, 4, 5] * 2,
            "mean": [*[-0.1] * 9, NAN],
            "standard_error": [*[0.0] * 9, NAN],
        },
    ),
    "regime_quantiles": (
        {"names": ["mf_score"], "states": STATES},
        {
            "name": ["mf_score"] * 10,
            "regime": np.repeat(STATES, 5),
            "quantile": [1, 2, 3, 4, 5] * 2,
            "mean": [*[-0.1] * 9, NAN],
            "standard_error": [*[0.0] * 9, NAN],
            "dates": [*[2] * 9, 1],
        },
    ),
    "breakdown": (
        {**STUDIED, "parts": [("sector", "x"), ("year", "2024")]},
        {
            "name": np.repeat(NAMES, 2),
            "by": ["sector", "year"] * 2,
            "part": ["x", "2024"] * 2,
            "rank_ic": [0.1, -1.0, 0.1, NAN],
            **TESTED,
        },
    ),
    "deciles": (
        {"names": [*NAMES, "value", "other"]},
        {
            "name": [*NAMES, "value", "other"],
            "buckets": [2, 10, 5, 2],
            "spread": [0.1, -1.0, 0.1, NAN],
            **TESTED,
        },
    ),
    "signal_turnover": (
        STUDIED,
        {
            "timestamp": TWO.repeat(2),
            "name": NAMES * 2,
            "rank_turnover": [NAN, NAN, 0.0, 2.0],
            "top_new": [NAN, NAN, 0.0, 1.0],
            "bottom_new": [NAN, NAN, 0.0, 1.0],
        },
    ),
    "quantile_returns": (
        STUDIED,
        {
            "timestamp": TWO.repeat(2),
            "name": NAMES * 2,
            "q1": [NAN, 0.1, -2.0, 0.1],
            "q2": [NAN, 0.2, 1.0, 0.1],
            "q3": [NAN, 0.3, 1.0, 0.1],
            "q4": [NAN, 0.4, 1.0, 0.1],
            "q5": [NAN, NAN, 1.0, 0.1],
            "all": [NAN, 0.4, -2.0, 0.1 + 1e-17],
        },
    ),
    "calibration": (
        FORECAST,
        {
            "name": ["ml_alpha_ridge_5d"] * 10,
            "bin": range(1, 11),
            "forecast": [*[-0.1] * 9, NAN],
            "realised": [*[-0.1] * 8, NAN, NAN],
            "standard_error": [*[0.0] * 8, NAN, NAN],
        },
    ),
    "slopes": (
        {"names": ["ml_alpha_ridge_5d", "ml_alpha_lasso_5d", "other"]},
        {
            "name": ["ml_alpha_ridge_5d", "ml_alpha_lasso_5d", "other"],
            "slope": [-1.0, 0.5, NAN],
            "standard_error": [0.0, NAN, NAN],
            "dates": [2, 1, 0],
        },
    ),
    "names": (
        {},
        {
            "symbol": ["B", "A"],
            "sector": ["Energy", ""],
            "weight": [-0.5, 0.0],
            "contribution": [-0.1, 0.0],
            "days": [3, 0],
        },
    ),
    "positions": (
        {},
        {
            "timestamp": DAYS[:2].append(pd.DatetimeIndex(["2024-01-03"], tz="UTC")),
            "gross": [0.0, 1.0, 1.0],
            "target_gross": [1.0, 1.0, 0.5],
            "target_distance": [1.0, 2.0, 0.5],
            "effective_names": [NAN, 1.0, 2.0],
            "long_names": [0, 1, 1],
            "short_names": [0, 0, 1],
            "beta": [0.0, NAN, -1.5],
        },
    ),
    "sectors": (
        {},
        {
            "timestamp": DAYS,
            "sector": ["Energy", "Energy", "unknown"],
            "net": [-0.5, 0.1, 0.0],
            "gross": [0.5, 0.3, 0.0],
        },
    ),
    "capacity": (
        {},
        {
            "participation": [0.01, 0.01, 0.1],
            "filled": [0.5, 0.9, 0.5],
            "account": [1e6, 1e6, 0.0],
            "known": [1.0, 1.0, 1.0],
        },
    ),
}
MAY_BE_NAN = {
    "ic": NAMES,
    "coverage": NAMES,
    "decay": ["rank_ic", "standard_error"],
    "correlations": ["correlation"],
    "persistence": [*LAGS, "coverage", *NEW],
    "quantiles": ["mean", "standard_error"],
    "regime_quantiles": ["mean", "standard_error"],
    "breakdown": ["rank_ic", "standard_error", "t", "p"],
    "deciles": ["spread", "standard_error", "t", "p"],
    "signal_turnover": ["rank_turnover", "top_new", "bottom_new"],
    "quantile_returns": ["q1", "q2", "q3", "q4", "q5", "all"],
    "calibration": ["forecast", "realised", "standard_error"],
    "slopes": ["slope", "standard_error"],
    "positions": ["effective_names", "beta"],
}
GE, GT = "greater_than_or_equal_to(0.0)", "greater_than(0.0)"
COUNTED, AT_MOST = "greater_than_or_equal_to(0)", "at most 1 in size"
CORRELATED, SHARE = "in_range(-1.0, 1.0)", "in_range(0.0, 1.0)"
SORTED, UNIQUE = "rows ascend by timestamp, then symbol", "no (timestamp, symbol) pair comes twice"
DATED, ERROR = "timestamps ascend and are unique", "mean and standard_error are known together"
RULE = ""  # in place of a column: between columns, or rows
OTHER = pd.Categorical(["B", "A", "A"]), pd.Categorical(["A", "A", "A"])
BACK = TWO[::-1]
DAY = pd.DatetimeIndex(["2024-01-02"], tz="UTC")

BROKEN = [  # table, column, check, what is changed
    ("holdings", RULE, SORTED, {"timestamp": DAYS[::-1]}),
    ("holdings", RULE, UNIQUE, {"symbol": OTHER[1]}),
    ("orders", RULE, SORTED, {"timestamp": DAYS[[0, 0, 0]], "symbol": OTHER[0]}),
    ("orders", RULE, UNIQUE, {"symbol": OTHER[1]}),
    ("orders", RULE, "an order has shares", {"shares": [9.0, 0.0, 1.0]}),
    ("orders", "price", GT, {"price": [1.0, 0.0, 1.0]}),
    ("orders", "rate", GE, {"rate": [0.0, -0.1, 0.0]}),
    ("delistings", RULE, SORTED, {"timestamp": BACK}),
    ("delistings", RULE, UNIQUE, {"timestamp": TWO[[0, 0]], "symbol": pd.Categorical(["A", "A"])}),
    ("delistings", RULE, "a symbol is paid out once", {"symbol": pd.Categorical(["A", "A"])}),
    ("delistings", RULE, "a payout has shares", {"shares": [0.0, -10.0]}),
    ("delistings", RULE, "payout > 0 where last_close is", {"payout": [0.0, -2.0]}),
    (
        "delistings", RULE, "contribution has the sign of what was gained",
        {"contribution": [-0.1, -0.1]},
    ),
    *[
        ("round_trips", name, SHARE, {name: [0.0, 0.0, x]})
        for name in ("direction", "status")
        for x in (-1.0, 2.0)
    ],
    *[
        ("round_trips", RULE, "direction and status are 0 or 1", {name: [0.0, 0.5, 1.0]})
        for name in ("direction", "status")
    ],
    ("round_trips", "size", GT, {"size": [1.0, 2.0, 0.0]}),
    ("round_trips", "entry_price", GT, {"entry_price": [1.0, 2.0, 0.0]}),
    ("round_trips", "entry_fees", GE, {"entry_fees": [1.0, 2.0, -0.1]}),
    ("round_trips", "exit_fees", GE, {"exit_fees": [1.0, 2.0, -0.1]}),
    (
        "round_trips", RULE, "exit_price > 0 where a position is closed",
        {"exit_price": [5.0, 5.0, -1.0]},
    ),
    ("round_trips", RULE, "pnl and return have one sign", {"return": [-0.25, 1.1, -0.3]}),
    (
        "round_trips", RULE, "a position opens before it closes, or is still open",
        {"closed": DAYS[[0, 1, 1]], "opened": DAYS[[0, 1, 0]]},
    ),
    (
        "round_trips", RULE, "a position opens before it closes, or is still open",
        {"closed": DAYS[[1, 0, 1]]},
    ),
    *[
        ("round_trips", RULE, "rows ascend by symbol; a position opens after the last", change)
        for change in (
            {"symbol": pd.Categorical(["B", "A", "A"])},
            {"status": [0.0, 0.0, 1.0]},
            {"opened": DAYS[[0, 0, 0]], "closed": DAYS[[1, 1, 1]]},
        )
    ],
    ("ic", "timestamp", DATED, {"timestamp": BACK}),
    ("ic", "timestamp", DATED, {"timestamp": TWO[[0, 0]]}),
    *[("ic", name, CORRELATED, {name: [0.0, x]}) for name in NAMES for x in (-1.01, 1.01)],
    ("coverage", "timestamp", DATED, {"timestamp": BACK}),
    *[("coverage", name, SHARE, {name: [0.0, x]}) for name in NAMES for x in (-0.01, 1.01)],
    ("coverage", RULE, "all shares of a date are known, or none", {"momentum": [0.5, 0.5]}),
    ("decay", RULE, "one row per name and days, in their order", {"name": NAMES[::-1] * 6}),
    ("decay", RULE, "one row per name and days, in their order", {"days": [1] * 12}),
    ("decay", "rank_ic", CORRELATED, {"rank_ic": [-1.01] * 12}),
    ("decay", "standard_error", GE, {"standard_error": [-0.1] * 12}),
    ("decay", RULE, "rank_ic and standard_error are known together", {"rank_ic": [0.0] * 12}),
    ("correlations", RULE, "one row per name and other, in their order", {"other": ["value"] * 3}),
    ("correlations", "correlation", CORRELATED, {"correlation": [1.01, 0.0, 0.0]}),
    ("persistence", RULE, "one row per name, in their order", {"name": NAMES[::-1]}),
    *[("persistence", name, CORRELATED, {name: [-1.01, 0.0]}) for name in LAGS],
    *[("persistence", name, SHARE, {name: [1.01, 0.0]}) for name in ("coverage", *NEW)],
    ("quantiles", RULE, "one row per name and quantile, in their order", {"quantile": range(10)}),
    ("quantiles", "standard_error", GE, {"standard_error": [-0.1] * 10}),
    ("quantiles", RULE, ERROR, {"standard_error": [0.1] * 10}),
    (
        "regime_quantiles", RULE, "one row per name and regime and quantile, in their order",
        {"regime": ["calm"] * 10},
    ),
    ("regime_quantiles", "standard_error", GE, {"standard_error": [-0.1] * 10}),
    ("regime_quantiles", RULE, ERROR, {"mean": [0.1] * 10}),
    ("regime_quantiles", "dates", COUNTED, {"dates": [-1] * 10}),
    ("regime_quantiles", RULE, "a mean has two dates", {"dates": [2] * 10}),
    *[
        ("quantile_returns", RULE, "one row per date and name, in their order", change)
        for change in (
            {"name": np.repeat(NAMES, 2)},
            {"timestamp": DAY.repeat(4)},
            {"timestamp": BACK.repeat(2)},
            {"timestamp": TWO[[0, 0, 0, 1]]},
        )
    ],
    *[
        ("quantile_returns", RULE, "all is between the quantiles", {"all": values})
        for values in ([0.0, 0.4, 0.0, 0.1], [NAN, NAN, 0.0, 0.1], [NAN, 0.41, 0.0, 0.1])
    ],
    *[
        ("breakdown", RULE, "one row per name and by and part, in their order", change)
        for change in ({"name": ["momentum"] * 4}, {"by": ["year"] * 4}, {"part": ["x"] * 4})
    ],
    ("breakdown", "rank_ic", CORRELATED, {"rank_ic": [0.1, -1.01, 0.1, NAN]}),
    ("deciles", RULE, "one row per name, in their order", {"name": ["value"] * 4}),
    ("deciles", "buckets", COUNTED, {"buckets": [-1, 10, 5, 2]}),
    *[("deciles", RULE, "2 to 10 buckets", {"buckets": [x, 10, 5, 2]}) for x in (1, 11)],
    *[
        (table, *broken)
        for table, mean in (("breakdown", "rank_ic"), ("deciles", "spread"))
        for broken in (
            ("standard_error", GE, {"standard_error": [-0.1, 0.5, 0.0, NAN], "t": [NAN] * 4}),
            ("p", SHARE, {"p": [1.1, 0.0, NAN, NAN]}),
            ("dates", COUNTED, {"dates": [2, 3, 2, -1]}),
            (RULE, f"{mean} and standard_error are known together", {mean: [0.1] * 4}),
            (RULE, "a mean has two dates", {"dates": [2, 3, 1, 1]}),
            (RULE, "t needs an error", {"t": [1.0, -2.0, 0.5, NAN]}),
            (RULE, "p goes with t", {"p": [0.3, NAN, NAN, NAN]}),
        )
    ],
    *[
        ("signal_turnover", RULE, "one row per date and name, in their order", change)
        for change in ({"name": np.repeat(NAMES, 2)}, {"timestamp": BACK.repeat(2)})
    ],
    (
        "signal_turnover", "rank_turnover", "in_range(0.0, 2.0)",
        {"rank_turnover": [NAN, NAN, -0.1, 2.1]},
    ),
    *[
        ("signal_turnover", name, SHARE, {name: [NAN, NAN, -0.1, 1.1]})
        for name in ("top_new", "bottom_new")
    ],
    ("calibration", RULE, "one row per name and bin, in their order", {"bin": [1] * 10}),
    ("calibration", "standard_error", GE, {"standard_error": [-0.1] * 10}),
    (
        "calibration", RULE, "realised and standard_error are known together",
        {"realised": [0.1] * 10},
    ),
    ("calibration", RULE, "an outcome has its forecast", {"forecast": [NAN] * 10}),
    ("slopes", RULE, "one row per name, in their order", {"name": ["other"] * 3}),
    ("slopes", "standard_error", GE, {"standard_error": [-0.1, NAN, NAN]}),
    ("slopes", "dates", COUNTED, {"dates": [2, 1, -1]}),
    ("slopes", RULE, "a slope has a date", {"dates": [2, 1, 1]}),
    ("slopes", RULE, "a standard error has two dates", {"dates": [2, 2, 0]}),
    ("names", RULE, "no symbol comes twice", {"symbol": ["A", "A"]}),
    ("names", "days", COUNTED, {"days": [1, -1]}),
    *[
        ("names", RULE, "weight and contribution are 0 for a name never held", {name: [-0.5, 0.1]})
        for name in ("weight", "contribution")
    ],
    ("positions", "timestamp", DATED, {"timestamp": DAYS}),
    *[
        ("positions", name, GE, {name: [1.0, 1.0, -1.0]})
        for name in ("gross", "target_gross", "target_distance")
    ],
    *[("positions", f"{s}_names", COUNTED, {f"{s}_names": [0, 1, -1]}) for s in ("long", "short")],
    ("positions", RULE, "gross > 0 where a name is held", {"gross": [0.1, 1.0, 1.0]}),
    ("positions", RULE, "gross > 0 where a name is held", {"gross": [0.0, 1.0, 0.0]}),
    *[
        ("positions", RULE, "target_distance fits gross and target_gross", {"target_distance": x})
        for x in ([1.0, 2.1, 0.5], [1.0, 2.0, 0.4])
    ],
    *[
        ("positions", RULE, "effective_names are 1 to the names held", {"effective_names": x})
        for x in ([1.0, 1.0, 1.0], [NAN, 0.9, 1.0], [NAN, 1.0, 2.1])
    ],
    *[
        ("positions", RULE, "beta is 0 without a name", {"beta": [x, 1.0, 1.0]})
        for x in (NAN, 0.1)
    ],
    ("sectors", RULE, "rows ascend by timestamp, then sector", {"timestamp": DAYS[::-1]}),
    ("sectors", RULE, "rows ascend by timestamp, then sector", {"sector": ["A", "B", "A"]}),
    ("sectors", RULE, "no (timestamp, sector) pair comes twice", {"sector": ["A", "A", "A"]}),
    ("sectors", RULE, "a sector has a name", {"sector": ["Energy", "", "unknown"]}),
    ("sectors", "gross", GE, {"gross": [0.5, 0.3, -0.1]}),
    ("sectors", RULE, "net is at most gross in size", {"net": [-0.51, 0.1, 0.0]}),
    *[("capacity", n, GT, {n: [0.0, 0.0, 0.0]}) for n in ("participation", "filled", "known")],
    *[("capacity", n, AT_MOST, {n: [1.1, 1.1, 1.1]}) for n in ("participation", "filled", "known")],
    ("capacity", "account", GE, {"account": [1e6, -1.0, 0.0]}),
    *[
        ("capacity", RULE, "rows ascend by participation, then filled", change)
        for change in ({"participation": [0.1, 0.1, 0.01]}, {"filled": [0.5, 0.5, 0.5]})
    ],
    ("capacity", RULE, "account does not grow with filled", {"account": [1e6, 1.1e6, 0.0]}),
    ("capacity", RULE, "known is the same in all rows", {"known": [1.0, 0.9, 1.0]}),
]  # fmt: skip
