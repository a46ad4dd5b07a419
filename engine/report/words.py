"""The words and tables of the page: plain values, escaped by the template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from engine.report import data, knowledge, model
from engine.report.cells import CRITICAL, number
from engine.report.cells import table as _table
from engine.tearsheet.history import yearly

if TYPE_CHECKING:
    from engine.report import Run

TOP = 10  # names in a table
PERCENT = {
    "total_return",
    "cagr",
    "volatility",
    "max_drawdown",
    "hit_rate",
    "best_day",
    "worst_day",
}
ROWS = {
    "total_return": "total return",
    "cagr": "return per year (CAGR)",
    "volatility": "volatility per year",
    "sharpe": "Sharpe ratio per year",
    "sharpe_se": "its standard error",
    "sortino": "Sortino ratio per year",
    "max_drawdown": "deepest drawdown",
    "max_drawdown_days": "its length (trading days)",
    "calmar": "Calmar ratio",
    "hit_rate": "winning days",
    "skew": "skew of daily returns",
    "kurtosis": "excess kurtosis of daily returns",
    "best_day": "best day",
    "worst_day": "worst day",
    "n_days": "trading days",
}


def page(run: Run) -> dict[str, Any]:
    """Everything that the template shows beside the figures."""
    manifest = run.manifest
    return {
        "title": run.bundle,
        "command": manifest["command"],
        "source": manifest["source"],
        "simulated": manifest["simulated"],
        "bankrupt_on": manifest["bankrupt_on"],
        "active": run.metrics["active"],
        "seed": manifest["seed"],
        "verdict": [*verdict(run), data.words(run.data)],
        "tables": [table for table in _tables(run) if table["rows"]],
        "folds": [
            {"title": title, "text": json.dumps(manifest[key], indent=2, ensure_ascii=False)}
            for title, key in (
                ("Resolved configuration", "config"),
                ("Versions", "versions"),
                ("Plugins", "plugins"),
                ("Findings in the data", "findings"),
                ("Orders, and what became of them", "account"),
                ("What the source says of its data", "source"),
            )
        ],
    }


def verdict(run: Run) -> list[str]:
    """What the numbers allow to be said, in plain words."""
    signal, net = run.metrics["signal"], run.metrics["performance"]["net"]
    lines = [
        _judged(
            "The score's mean rank IC",
            signal["rank_ic_mean"],
            signal["rank_ic_se"],
            f"over {signal['n_dates']} dates",
        ),
        _judged("The net Sharpe ratio", net["sharpe"], net["sharpe_se"], "per year"),
    ]
    gross, costs = run.metrics["performance"]["gross"]["cagr"], run.metrics["costs"]["total"]
    if gross is not None and net["cagr"] is not None and costs is not None:
        lines.append(
            f"Before costs the account returned {gross:.1%} per year, after them "
            f"{net['cagr']:.1%}; costs took {costs:.0f} bps of equity per year."
        )
    if run.manifest["simulated"]:
        lines.append("The data are simulated: none of this says anything about a real market.")
    lines += [f"Warning: {message}." for message in run.manifest["warnings"]]
    return lines


def _judged(what: str, value: float | None, error: float | None, where: str) -> str:
    if value is None or not error:
        return f"{what} cannot be judged: there are too few dates, or nothing varies."
    t = value / error
    text = f"{what} is {value:.3f} {where}, with a standard error of {error:.3f} (t = {t:.1f})"
    if abs(t) < CRITICAL:
        return f"{text}: not distinguishable from zero."
    side = "above" if t > 0 else "below"
    return f"{text}: {side} zero by more than chance alone would explain, if this was the only try."


def _tables(run: Run) -> list[dict[str, Any]]:
    metrics = run.metrics
    return [
        performance(metrics["performance"]),
        _years(run),
        *_names(run.names),
        _table(
            "By regime (net)",
            "metrics.json",
            ["regime", "days", "share", "return per year", "volatility", "Sharpe"],
            [
                [
                    name,
                    number(row["n_days"], ".0f"),
                    number(row["share"], ".1%"),
                    number(row["mean_return"], ".1%"),
                    number(row["volatility"], ".1%"),
                    number(row["sharpe"], ".2f"),
                ]
                for name, row in metrics["regimes"].items()
            ],
        ),
        _table(
            "Costs, turnover and exposure",
            "metrics.json",
            ["what", "value"],
            [
                *([f"{k} (bps of equity per year)", number(v, ".1f")] for k, v in _costs(metrics)),
                ["turnover per year, two-way", number(metrics["turnover"]["per_year"], ".1f")],
                *(
                    [f"mean {name} exposure", number(value, ".1%")]
                    for name, value in metrics["exposure"].items()
                ),
            ],
        ),
        *knowledge.tables(run),
        *model.tables(run),
        data.table(run.data),
        _table(
            "Time and memory by stage",
            "manifest.json",
            ["stage", "seconds", "peak (MB)"],
            [
                [row["stage"], number(row["seconds"], ".2f"), number(row["peak_mb"], ".0f")]
                for row in run.manifest["timings"]
            ],
        ),
    ]


def performance(blocks: dict[str, Any]) -> dict[str, Any]:
    """The table of net, gross and market."""
    rows = [
        [label, *(_metric(key, blocks[name][key]) for name in ("net", "gross", "benchmark"))]
        for key, label in ROWS.items()
    ]
    return _table("Performance", "metrics.json", ["", "net", "gross", "market"], rows)


def _years(run: Run) -> dict[str, Any]:
    made = yearly(run.returns["net"], run.returns["benchmark"])
    rows = [
        [
            str(year),
            *(number(row[key], ".1%") for key in ("net", "market", "volatility")),
            number(row["sharpe"], ".2f"),
            number(row["max_drawdown"], ".1%"),
            number(row["n_days"], ".0f"),
        ]
        for year, row in made.iterrows()
    ]
    head = ["year", "net", "market", "volatility", "Sharpe", "drawdown", "days"]
    return _table("By year (net)", "returns.parquet", head, rows)


def _names(names: pd.DataFrame) -> list[dict[str, Any]]:
    """What is held now, and which names earned and lost the most; ties by symbol."""
    held, earned = names[names["weight"] != 0.0], names.sort_values("contribution", kind="stable")
    order = held["weight"].abs().sort_values(ascending=False, kind="stable").index
    blocks = {
        "Largest holdings at the last close": held.loc[order],
        "Largest gains by name, before costs": earned[earned["contribution"] > 0.0][::-1],
        "Largest losses by name, before costs": earned[earned["contribution"] < 0.0],
    }
    head = ["symbol", "weight now", "contribution", "days held"]
    return [
        _table(title, "names.parquet", head, [_name(row) for _, row in rows[:TOP].iterrows()])
        for title, rows in blocks.items()
    ]


def _name(row: pd.Series[Any]) -> list[str]:
    weight, earned = number(row["weight"], ".2%"), number(row["contribution"], ".2%")
    return [str(row["symbol"]), weight, earned, number(row["days"], ",.0f")]


def _metric(key: str, value: float | None) -> str:
    if key in PERCENT:
        return number(value, ".1%")
    return number(value, ".0f" if key.endswith("days") else ".2f")


def _costs(metrics: dict[str, Any]) -> list[tuple[str, float | None]]:
    """Components by name, the total last."""
    return sorted(metrics["costs"].items(), key=lambda item: (item[0] == "total", item[0]))
