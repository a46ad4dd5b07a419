"""Tables of what the account held, paid and could carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from engine.report.cells import number, table
from engine.storage import Decisions, Fills

if TYPE_CHECKING:
    from engine.report.active import Run

TOP = 10  # names in a table


def tables(run: Run) -> list[dict[str, Any]]:
    """Names, sectors, costs by year and capacity."""
    return [
        *names(run.names),
        sectors(run.names),
        costs(run.returns),
        delistings(run.delistings),
        decisions(run.metrics.decisions),
        fills(run.metrics.fills),
        round_trips(run.round_trips),
        capacity(run.capacity),
    ]


def names(made: pd.DataFrame) -> list[dict[str, Any]]:
    """What is held now, and which names earned and lost the most; ties by symbol."""
    held, earned = made[made["weight"] != 0.0], made.sort_values("contribution", kind="stable")
    order = held["weight"].abs().sort_values(ascending=False, kind="stable").index
    blocks = {
        "Largest holdings at the last close": held.loc[order],
        "Largest gains by name, before costs": earned[earned["contribution"] > 0.0][::-1],
        "Largest losses by name, before costs": earned[earned["contribution"] < 0.0],
    }
    head = ["symbol", "weight now", "contribution", "bars held"]
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
    """What each component took in each year, and all together; then the interest on cash."""
    paid = returns.filter(regex="^cost_").rename(columns=lambda name: name.removeprefix("cost_"))
    paid = paid[sorted(paid.columns)].assign(delistings=returns["delisting"])
    whole = paid.assign(total=paid.sum(axis=1), interest=returns["interest"]) * 1e4
    yearly = whole.groupby(pd.DatetimeIndex(whole.index).year).sum()
    rows = [
        [str(year), *(number(value, "z.1f") for value in row)] for year, row in yearly.iterrows()
    ]
    head = ["year", *yearly.columns[:-1], "interest earned"]
    return table("Costs by year (bps of equity)", "returns.parquet", head, rows)


def delistings(made: pd.DataFrame) -> dict[str, Any]:
    """What was held of names that were delisted, and paid out; the largest part first."""
    order = made["contribution"].abs().sort_values(ascending=False, kind="stable").index
    rows = [
        [
            f"{row['timestamp']:%Y-%m-%d}",
            str(row["symbol"]),
            "long" if row["shares"] > 0.0 else "short",
            number(row["last_close"], ",.2f"),
            number(row["payout"], ",.2f"),
            number(row["contribution"] * 1e4, "z.1f"),
        ]
        for _, row in made.loc[order[:TOP]].iterrows()
    ]
    head = ["paid out on", "symbol", "side", "last close", "payout", "bps of equity"]
    total = number(made["contribution"].sum() * 1e4, "z.1f")
    note = (
        f"delistings.parquet: {len(made)} holdings, {total} bps of equity in all; what they got "
        "against the last close, as the delisting node or the source says"
    )
    return table("Held until delisted", note, head, rows)


def decisions(made: Decisions) -> dict[str, Any]:
    """By what the account was decided on; what never happened has no row."""
    rows = [
        [words, number(count, ",.0f")]
        for count, words in (
            (made.taken, "decisions taken"),
            (made.without_any_score, "decisions due when no name had a score"),
            (made.kept_without_score, "holdings kept because they had no score"),
            (made.picks, "places given by rank"),
        )
        if count
    ]
    if made.picks:
        tied = number(made.picks_by_tie, ".1%")
        rows.append(["of these, among names of one score", tied])
    return table("What the decisions went by", "metrics.json", ["", "number"], rows)


def fills(made: Fills) -> dict[str, Any]:
    """How much of the weight decided was filled, and why the rest was not."""
    causes = {
        "cap": "cut by the cap on the size of orders",
        "suspension": "waited for a bar to trade on that never came",
        "cash": "no cash was left for the purchase",
        "size": "too small to be an order",
    }
    rows = [["filled", number(made.filled, ".1%")]]
    rows += [
        [words, number(getattr(made.unfilled, cause), ".1%")] for cause, words in causes.items()
    ]
    names = made.never_traded
    if names:
        rows.append([f"never traded: {', '.join(names[:TOP])}", f"{len(names)} names"])
    return table("What became of the weight decided", "metrics.json", ["", "share"], rows)


def round_trips(made: pd.DataFrame) -> dict[str, Any]:
    """Positions from opening to closing, longs and shorts; nothing without vectorbt's book."""
    rows = []
    for side, direction in (("long", 0.0), ("short", 1.0)):
        mine = made[(made["direction"] == direction) & (made["status"] == 1.0)]
        if len(mine):
            held = (mine["closed"] - mine["opened"]).dt.days
            cells = [
                number((mine["pnl"] > 0.0).mean(), ".0%"),
                number(held.median(), ".0f"),
                *(number(mine["return"].agg(how), ".1%") for how in ("mean", "min", "max")),
            ]
            rows.append([side, number(len(mine), ",.0f"), *cells])
    head = [
        "side",
        "closed positions",
        "gained",
        "median calendar days",
        "mean return",
        "worst",
        "best",
    ]
    note = (
        "round_trips.parquet, as vectorbt booked them: from opening to closing, after trading "
        "costs and before fees for holding"
    )
    return table("Positions from opening to closing", note, head, rows)


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
        [f"{share:.0%}", *(number(_round(value), ",.9g") for value in row)]
        for share, row in wide.iterrows()
    ]
    head = ["of volume", *(f"{share:.0%} filled" for share in wide.columns)]
    note = (
        f"{file}: equity in millions, in the currency of the prices, at which so much of the "
        "value of all orders fits into that share of a bar's volume, the median of the 20 bars "
        f"before the order; {made['known'].iloc[0]:.0%} of the order value had one"
    )
    return table(title, note, head, rows)


def _round(value: float) -> float:
    """Three digits: more would promise too much."""
    return float(f"{value:.3g}")
