"""How a table is read: the options that every door has."""

from __future__ import annotations

from dataclasses import dataclass

from engine.core.options import option


@dataclass(frozen=True)
class Reading:
    """How a table is read: the options that every door has."""

    layout: str = option(
        "long", "a row per bar, or closes as dates × symbols", choices=("long", "wide")
    )
    columns: dict[str, str] = option(  # option copies its default
        {}, "our name: their name, where they differ, such as {close: px_last}"
    )
    symbol: str | None = option(
        None, "the one symbol of a table that names none; null: its column, or its file's name"
    )
    timezone: str = option("UTC", "of times without one; plain dates stay the dates they are")
    date_format: str | None = option(
        None, "such as %d/%m/%Y, or of numbers: excel, s, ms, us, ns; null expects 2020-01-31"
    )
    daily: bool = option(False, "true: times are cut off, a bar is of its date in `timezone`")
    start: str | None = option(
        None, "first day to read, such as 2015-01-31; null reads from the first"
    )
    end: str | None = option(None, "last day to read; null reads to the last")
    adjust: str | None = option(
        None,
        "their column of adjusted closes, such as adj_close: prices are scaled to it, volume "
        "inversely; null adjusts nothing",
    )
    volume_multiplier: dict[str, float] | None = option(
        None,
        'shares or units in one of their volume, by symbol, such as {"CL=F": 1000} for barrels; '
        "null is 1; at the prompt: 'source.volume_multiplier={CL\\=F: 1000}'",
    )
    keep: list[str] | None = option(
        None, "further columns, numbers as fields and text as groups; null keeps all"
    )
    groups: list[str] | None = option(
        None, "columns whose numbers are codes of groups, such as [gics]; text is in any case"
    )
