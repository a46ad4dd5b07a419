"""Tables of what the account held, paid and could carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from engine.report.cells import number, table

if TYPE_CHECKING:
    from engine.report import Run

TOP = 10  # names in a table


def tables(run: Run) -> list[dict[str, Any]]:
    """Names, sectors, costs by year and capacity."""
    return [*names(run.names), sectors(run.names), costs(run.returns), capacity(run.capacity)]


def names(made: pd.DataFrame) -> list[dict[str, Any]]:
    """What is held now, and which names earned and lost the most; ties by symbol."""
    held, earned = made[made["weight"] != 0.0], made.sort_values("contribution", kind="stable")
    order = held["weight"].abs().sort_values(ascending=False, kind="stable").index
    blocks = {
        "Largest holdings at the last close": held.loc[order],
        "Largest gains by name, before costs": earned[earned["contribution"] > 0.0][::-1],
        "Largest losses by name, before costs": earned[earned["contribution"] < 0.0],
    }
    head = ["symbol", "weight now", "contribution", "days held"]
    return [
        table(title, "names.parquet", head, [_name(row) for _, row in rows[:TOP].iterrows()])
        for title, rows in blocks.items()
    ]


def _name(row: pd.Series[Any]) -> list[str]:
    weight, earned = number(row["weight"], ".2%"), number(row["contribution"], ".2%")
    return [str(row["symbol"]), weight, earned, number(row["days"], ",.0f")]


def sectors(made: pd.DataFrame) -> dict[str, Any]:
    """Gains and losses by sector, the largest gain first; no row where no sector is known."""
    rows = []
    if made["sector"].ne("").any():
        labels = made["sector"].where(made["sector"] != "", "unknown")
        earned = made["contribution"].groupby(labels)
        best = earned.agg(["sum", "size"]).sort_values("sum", ascending=False, kind="stable")
        rows = [
            [str(sector), number(row["sum"], ".2%"), number(row["size"], ".0f")]
            for sector, row in best.iterrows()
        ]
    head = ["sector", "contribution", "names"]
    return table("Gains and losses by sector, before costs", "names.parquet", head, rows)


def costs(returns: pd.DataFrame) -> dict[str, Any]:
    """What each component took in each year, and all together; below zero: received."""
    paid = returns.filter(regex="^cost_").rename(columns=lambda name: name.removeprefix("cost_"))
    paid = paid[sorted(paid.columns)] * 1e4
    yearly = paid.groupby(pd.DatetimeIndex(paid.index).year).sum()
    rows = [
        [str(year), *(number(value, "z.1f") for value in [*row, row.sum()])]
        for year, row in yearly.iterrows()
    ]
    title = "Costs by year (bps of equity)"
    return table(title, "returns.parquet", ["year", *yearly.columns, "total"], rows)


def capacity(made: pd.DataFrame) -> dict[str, Any]:
    """The largest account, by participation (down) and share of the orders filled (across)."""
    title, file = (
        "Capacity in millions: the largest account that could trade so",
        "capacity.parquet",
    )
    if made.empty:
        why = "not known: the bars have no volume, or nothing was traded"
        return table(title, file, ["account"], [[why]])
    wide = made.pivot(index="participation", columns="filled", values="account") / 1e6
    rows = [
        [f"{share:.0%}", *(number(_rounded(value), ",.9g") for value in row)]
        for share, row in wide.iterrows()
    ]
    head = ["of volume", *(f"{share:.0%} filled" for share in wide.columns)]
    note = (
        f"{file}: equity in millions, in the currency of the prices, at which so much of the "
        "value of all orders fits into that share of a day's volume, the median of the 20 days "
        f"before the order; {made['known'].iloc[0]:.0%} of the order value had one"
    )
    return table(title, note, head, rows)


def _rounded(value: float) -> float:
    """Three digits: more would promise too much."""
    return float(f"{value:.3g}")
