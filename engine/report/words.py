"""The words and tables of the page: plain values, escaped by the template."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.report import book, counted, data, knowledge, model
from engine.report.cells import number
from engine.report.cells import table as _table
from engine.report.verdict import verdict
from engine.storage import TOTAL, Metrics, Performance, Regime
from engine.study import NO_REGIME, yearly

if TYPE_CHECKING:
    from engine.report.active import Run

PERCENT = {
    "total_return",
    "cagr",
    "volatility",
    "max_drawdown",
    "hit_rate",
    "best_day",
    "worst_day",
}
FOLDS = {
    "config": "Resolved configuration",
    "versions": "Versions",
    "plugins": "Plugins",
    "findings": "Findings in the data",
    "account": "Orders, and what became of them",
    "source": "What the source says of its data",
}
ROWS = {
    "total_return": "total return",
    "cagr": "return per year (CAGR)",
    "volatility": "volatility per year",
    "sharpe": "Sharpe ratio per year, in excess of cash",
    "sharpe_se": "its standard error",
    "sortino": "Sortino ratio per year, in excess of cash",
    "max_drawdown": "deepest drawdown",
    "max_drawdown_days": "its length (bars)",
    "calmar": "Calmar ratio",
    "hit_rate": "share of gains",
    "skew": "skew of returns",
    "kurtosis": "excess kurtosis of returns",
    "best_day": "best bar",
    "worst_day": "worst bar",
    "n_days": "bars with returns",
}


def page(run: Run) -> dict[str, Any]:
    """Everything that the template shows beside the figures."""
    manifest = run.manifest
    return {
        "title": run.bundle,
        "command": manifest.command,
        "source": manifest.source,
        "simulated": manifest.simulated,
        "bankrupt_on": manifest.bankrupt_on,
        "active": run.metrics.active,
        "seed": manifest.seed,
        "verdict": [*verdict(run), data.words(run.data)],
        "tables": [table for table in _tables(run) if table["rows"]],
        "folds": [
            {"title": title, "text": json.dumps(content, indent=2, ensure_ascii=False)}
            for title, content in (
                *((title, run.written[key]) for key, title in FOLDS.items()),
                (
                    "The rest of manifest.json",
                    {k: v for k, v in run.written.items() if k not in FOLDS},
                ),
            )
        ],
    }


def _tables(run: Run) -> list[dict[str, Any]]:
    metrics = run.metrics
    return [
        performance(metrics.performance),
        *counted.tables(run.trials),
        _years(run),
        *book.tables(run),
        _table(
            "By regime (net)",
            "metrics.json",
            ["regime", "bars", "share", "return per year", "volatility", "Sharpe"],
            [
                [
                    name,
                    number(row.n_days, ".0f"),
                    number(row.share, ".1%"),
                    number(row.mean_return, ".1%"),
                    number(row.volatility, ".1%"),
                    number(row.sharpe, ".2f"),
                ]
                for name, row in _regimes(metrics)
            ],
        ),
        _table(
            "Costs, turnover and exposure",
            "metrics.json",
            ["what", "value"],
            [
                *([f"{k} (bps of equity per year)", number(v, "z.1f")] for k, v in _costs(metrics)),
                [
                    "lost on delistings (bps of equity per year)",
                    number(metrics.delisting, "z.1f"),
                ],
                ["interest on cash (bps of equity per year)", number(metrics.interest, "z.1f")],
                ["turnover per year, two-way", number(metrics.turnover.per_year, ".1f")],
                *(
                    [f"mean {name} exposure", number(value, ".1%")]
                    for name, value in vars(metrics.exposure).items()
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
                [row.stage, number(row.seconds, ".2f"), number(row.peak_mb, ".0f")]
                for row in run.manifest.timings
            ],
        ),
    ]


def performance(made: Performance) -> dict[str, Any]:
    """The table of net, gross and market."""
    sides = (made.net, made.gross, made.benchmark)
    rows = [
        [label, *(_metric(key, getattr(side, key)) for side in sides)]
        for key, label in ROWS.items()
    ]
    return _table("Performance", "metrics.json", ["", "net", "gross", "market"], rows)


def _years(run: Run) -> dict[str, Any]:
    made = yearly(*(run.returns[name] for name in ("net", "benchmark", "risk_free")))
    rows = [
        [
            str(year),
            *(number(row[key], "z.1%") for key in ("net", "market", "volatility")),
            number(row["sharpe"], "z.2f"),
            number(row["max_drawdown"], "z.1%"),
            number(row["n_days"], ".0f"),
        ]
        for year, row in made.iterrows()
    ]
    head = ["year", "net", "market", "volatility", "Sharpe", "drawdown", "bars"]
    return _table("By year (net)", "returns.parquet", head, rows)


def _metric(key: str, value: float | None) -> str:
    if key in PERCENT:
        return number(value, ".1%")
    return number(value, ".0f" if key.endswith("days") else ".2f")


def _regimes(metrics: Metrics) -> list[tuple[str, Regime]]:
    """States by name, the rows without one last."""
    return sorted(metrics.regimes.items(), key=lambda item: (item[0] == NO_REGIME, item[0]))


def _costs(metrics: Metrics) -> list[tuple[str, float | None]]:
    """Components by name, the total last."""
    return [*sorted(metrics.cost_parts.items()), (TOTAL, metrics.total_cost)]
