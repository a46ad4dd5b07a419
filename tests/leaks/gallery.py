"""The classic leaks: what each is, which command finds it, and what that command needs."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from builders import ROOT

PAGE = ROOT / "docs" / "leaks.md"
AUDIT = "engine audit +bundle=NAME …"
KNOWN = "engine data check FILE --known COLUMN --period COLUMN"
STAMP = "engine data check FILE --stamp COLUMN --date COLUMN --zone ZONE --close TIME"
TRIALS = "engine trials explain RUN"
HEAD = """\
# Classic leaks

Ways in which a backtest comes to know the future, and what of the engine finds each. A test beside
each (`tests/leaks/`) plants it, runs the command and expects its verdict; the same idea without the
leak comes out clean. *The kit* is `engine plugins check NAME`, which tries a plugin by itself on
data of its own. What a command cannot decide it says: *cannot be known* is no pass.
"""


@dataclass(frozen=True)
class Leak:
    """A leak.

    Parameters
    ----------
    name : str
    what : str
        What it is.
    command : str
        What finds it.
    says : str
        What the command says of it.
    needs : str
        What it needs in order to find it.
    otherwise : str
        What it says where it lacks that.
    kit : str
        The properties that the conformance kit alone finds broken; "" where it is no plugin,
        "-" where the kit finds nothing.
    """

    name: str
    what: str
    command: str
    says: str
    needs: str
    otherwise: str
    kit: str = ""


ANY = "a cut after the first decision"
QUIET = "no look-ahead was found on n dates; one that shows on other dates alone would not be found"
LEAK = "LEAK, with the first date, symbol and both values; exit code 1"

GALLERY = (
    Leak(
        "full-sample z-score",
        "a factor less its mean, over its deviation, of the whole sample",
        AUDIT, LEAK, ANY, QUIET, "blindness",
    ),
    Leak(
        "smoothed HMM",
        "hmmlearn's predict_proba over all rows: each row's probability knows the rows after it, "
        "also where the parameters are honest",
        AUDIT, LEAK + "; the first difference is tiny, so the largest is told as well",
        ANY, QUIET, "blindness",
    ),
    Leak(
        "label off by one",
        "a feature made of earlier labels that are moved down by their horizon: a label begins at "
        "the close after the decision, and is known one row later",
        AUDIT, LEAK, ANY, QUIET, "blindness",
    ),
    Leak(
        "same-bar fill",
        "orders that fill on the bar that they are decided by: no option of the engine does it, "
        "for weights of a row trade on the next; a portfolio that returns all weights at once can "
        "move them up a row",
        AUDIT, LEAK + ", in account.portfolio", ANY,
        QUIET + "; backtest.fill=same_close is refused", "blindness, permission",
    ),
    Leak(
        "scaler before split",
        "features scaled by what is learnt from all rows, in a factor, or from the rows that are "
        "forecast, in a model; the engine's own scaler learns from training rows, which the audit "
        "counts again",
        AUDIT, LEAK, ANY, QUIET, "blindness",
    ),
    Leak(
        "feature selection before split",
        "of many features the one that is kept went best with the label over all rows",
        AUDIT, LEAK,
        "a cut by which another feature would have been chosen: more cuts find more",
        QUIET, "blindness",
    ),
    Leak(
        "target-encoded symbol",
        "a symbol stands for the mean of its label over all rows",
        AUDIT, LEAK, ANY, QUIET, "blindness",
    ),
    Leak(
        "centred window",
        "a mean whose window reaches as many rows ahead as back",
        AUDIT, LEAK, ANY, QUIET, "blindness",
    ),
    Leak(
        "hyper-parameters chosen on the test window",
        "the best of a sweep is shown as if it were the only one; a model cannot do it by itself, "
        "for it gets no target of a row that it forecasts",
        TRIALS,
        "its place among n trials, and how often a search of that size ends as high without any "
        "skill",
        "runs that were counted: all with the same trials.path",
        "what was tried elsewhere is not known",
    ),
    Leak(
        "one rare date",
        "on the last session of December alone a factor is that of the next session",
        AUDIT, LEAK,
        "a cut on that very date: the last session of a year is the first kind that is chosen",
        QUIET, "-",
    ),
    Leak(
        "a model that keeps memory between fits",
        "what an earlier fit saw is still there in the next, or in another run",
        AUDIT, LEAK + ", in a repeat", "a bundle with the model's forecast",
        "forecasts are not among the stages", "determinism, refit",
    ),
    Leak(
        "a universe of survivors",
        "the names are those that are there at the end",
        AUDIT,
        "source.members: n of N names end or leave; whether all that did are there is for the "
        "source to say",
        "members with exits, or names whose bars end",
        "cannot be known: all N names are there at the end, and none leaves; exit code 0",
    ),
    Leak(
        "fundamentals forward-filled by period end",
        "a quarter's figures stand from its last day on, and were filed weeks later",
        KNOWN,
        "known_before_period, or known_at_period_end where most rows were known on the period's "
        "last day; exit code 1",
        "a column that says when each row was known; source=merge refuses a join without it",
        "cannot be known: of figures among the bars, and of a factor from a file, engine audit "
        "says so; exit code 0",
    ),
    Leak(
        "tweets joined on the file's date",
        "a file's date is that of another clock: what was written after the close stands on the "
        "day before",
        STAMP, "later_than_date, with the rows; exit code 1",
        "a column of times, the zone, and when the market closes",
        "without the close late_on_date, a warning; without times it cannot be known, as engine "
        "audit says of any figure among the bars; exit code 0",
    ),
    Leak(
        "backward-adjusted price levels",
        "a factor reads the level of prices that later splits have divided",
        AUDIT,
        "depends on later adjustments, with both values; exit code 0, for splits are no choice of "
        "the strategy's",
        "a symbol with bars up to the date that is tried", QUIET, "-",
    ),
)  # fmt: skip


def render() -> str:
    """The page."""
    return HEAD + "".join(map(_render, GALLERY))


def _render(leak: Leak) -> str:
    kit = {"": "does not apply", "-": "finds nothing"}.get(leak.kit, f"finds it: {leak.kit}")
    lines = [
        _wrap(f"{leak.what[0].upper()}{leak.what[1:]}.", ""),
        "",
        f"- found by `{leak.command}`",
        *(
            _wrap(f"- {title}: {text}", "  ")
            for title, text in (
                ("says", leak.says),
                ("needs", leak.needs),
                ("otherwise", leak.otherwise),
                ("the kit alone", kit),
            )
        ),
    ]
    return f"\n## {leak.name[0].upper()}{leak.name[1:]}\n\n" + "\n".join(lines) + "\n"


def _wrap(text: str, indent: str) -> str:
    return textwrap.fill(text, 100, subsequent_indent=indent, break_on_hyphens=False)
