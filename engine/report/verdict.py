"""The run in plain words: what ran, on what, what came out, and how far to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.forecasts import ELSEWHERE
from engine.report.cells import CRITICAL, LEVEL, probability
from engine.storage import Fills, Metrics
from engine.study import LOOK

if TYPE_CHECKING:
    from engine.report.active import Run

NAMED = 6  # parts of a score, or names, that one sentence can hold
UNFILLED = 0.05  # of the weight decided: less is not worth a sentence
WANTING = {
    "cap": "volume to trade in",
    "suspension": "bars to trade on",
    "cash": "cash",
    "size": "size",
}
IC = (
    "The score's mean rank IC (how well its order of the names matched that of their later returns)"
)
SHARPE = "The net Sharpe ratio (mean return in excess of cash over how much it varies)"

UNKNOWN = (
    "How often something else was tried before is not known here: the best of many tries looks "
    "good by luck alone, and only data that no try has seen can tell."
)


def verdict(run: Run) -> list[str]:
    """What the configuration and the numbers allow to be said, one paragraph an item."""
    signal, net = run.metrics.signal, run.metrics.performance.net
    beyond = run.metrics.too_good
    lines = [
        *_tell_choices(run),
        _data(run),
        *_outcome(run.metrics),
        _judge(
            IC,
            signal.rank_ic_mean,
            signal.rank_ic_se,
            f"over {signal.n_dates} dates",
            "rank_ic.mf_score" in beyond,
            signal.rank_ic_p,
        ),
        _judge(SHARPE, net.sharpe, net.sharpe_se, "per year", "sharpe" in beyond),
        *_doubts(run),
        *([f"Audit: {run.audited}."] if run.audited else []),
    ]
    return lines + [f"Warning: {message}." for message in run.manifest.warnings]


def _tell_choices(run: Run) -> list[str]:
    """The score and the portfolio, as configured."""
    config = run.manifest.config
    node = {key: config.get(key) or {} for key in ("universe", "portfolio", "costs", "backtest")}
    lines = []
    parts = (config.get("bundle") or {}).get("factors") or []
    if parts:
        shown = ", ".join(_part(part) for part in parts[:NAMED])
        more = f" and {len(parts) - NAMED} more" if len(parts) > NAMED else ""
        text = (
            f"Each name of the universe {_name(node['universe'])} got a score from {shown}{more}."
        )
        lines.append(text + _model(run))
    if node["portfolio"]:
        text = f"The portfolio {_name(node['portfolio'])} turned scores into positions"
        when = _rhythm(node["portfolio"])
        filled = node["backtest"].get("fill", "close")
        lines.append(
            f"{text}{when}; orders were filled at the next bar's {filled} and paid for by the "
            f"costs {_name(node['costs'])}."
        )
    return lines


def _part(part: dict[str, Any]) -> str:
    good = "high" if part.get("direction", "positive") == "positive" else "low"
    return f"{part['name']} ({part.get('weight', 0.0):.0%}, {good} is good)"


def _model(run: Run) -> str:
    config, splits = run.manifest.config, run.manifest.splits
    if not splits or not run.metrics.forecasts:
        return ""
    listed, horizon = ", ".join(run.metrics.forecasts), run.metrics.horizon
    if run.manifest.made_elsewhere:
        return f" {listed} is of the next {horizon} rows; the forecasts were {ELSEWHERE}."
    on = "other dates, later ones too: this measures a model, and is no backtest"
    on = on if run.manifest.trains_on_later else "the past alone"
    return (
        f" {listed} is what the model {_name(config.get('model') or {})} forecast for the next "
        f"{horizon} rows, trained {_times(len(splits))} on {on}."
    )


def _rhythm(portfolio: dict[str, Any]) -> str:
    when = portfolio.get("rebalance")
    if not when:
        return ""
    return f", every {portfolio.get('every')} rows" if when == "every_n" else f" {when}"


def _data(run: Run) -> str:
    source, start = run.manifest.source, run.metrics.active.start
    held = f"the first position was held on {start}" if start else "no position was ever held"
    text = (
        f"The data: {source.symbols} symbols from the source {source.name}, "
        f"{source.start} to {source.end}; {held}."
    )
    if start:
        text += f" Per year means by {run.metrics.annual.span.text()}."
    if run.manifest.simulated:
        text += " They are simulated: none of this says anything about a real market."
    return text


def _outcome(metrics: Metrics) -> list[str]:
    """Returns, the worst loss and the costs."""
    net, market = metrics.performance.net, metrics.performance.benchmark
    before, costs, lines = metrics.performance.gross.cagr, metrics.total_cost, []
    worst, fell = net.max_drawdown, market.max_drawdown
    if None not in (net.cagr, before, market.cagr) and worst is not None and fell is not None:
        lines.append(
            f"After costs the account returned {net.cagr:.1%} per year; all names in equal "
            f"parts (the market) returned {market.cagr:.1%}. At worst it stood "
            f"{-worst:.1%} below its last high, the market {-fell:.1%}."
        )
    if costs is not None and before is not None:
        text = (
            f"Before costs and delistings it returned {before:.1%}; costs took "
            f"{costs / 100:.2f}% a year"
        )
        paid = {name: bps for name, bps in metrics.cost_parts.items() if bps}
        if paid and costs > 0.0:
            most = max(sorted(paid), key=lambda name: paid[name])
            text += f", the largest part {most} ({paid[most] / 100:.2f}%)"
        traded = metrics.turnover.per_year
        lines.append(f"{text}, on trades of {traded:.1f} times the equity.{_beside(metrics)}")
    return [*lines, *_tell_unfilled(metrics.fills)]


def _beside(metrics: Metrics) -> str:
    """What delistings took and cash earned, where there was any."""
    text = ""
    if metrics.delisting:
        text += f" Delistings took {metrics.delisting / 100:.2f}% a year beside the costs."
    if metrics.interest:
        earned = "earned" if metrics.interest > 0.0 else "cost"
        text += f" Interest on cash {earned} {abs(metrics.interest) / 100:.2f}% a year."
    return text


def _tell_unfilled(fills: Fills) -> list[str]:
    """What was decided and never filled, where it is more than a twentieth."""
    lines = []
    share = fills.filled
    if share is not None and share < 1.0 - UNFILLED:
        most = max(WANTING, key=lambda cause: getattr(fills.unfilled, cause))
        lines.append(
            f"Only {share:.0%} of the weight that was decided was ever filled, most of the rest "
            f"for want of {WANTING[most]}: the account is not what the portfolio decided."
        )
    names = fills.never_traded
    if names:
        listed = ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
        lines.append(f"{len(names)} names that were decided to be held never traded: {listed}.")
    return lines


def _judge(
    what: str,
    value: float | None,
    error: float | None,
    where: str,
    beyond: bool = False,
    p: float | None = None,
) -> str:
    """What an error, and a p-value where there is one, say of a value."""
    if value is None or not error:
        return f"{what} cannot be judged: there are too few dates, or nothing varies."
    t = value / error
    told = f"t = {t:.1f}" if p is None else f"t = {t:.1f}, p = {probability(p)}"
    text = f"{what} is {value:.3f} {where}, with a standard error of {error:.3f} ({told})"
    if beyond:
        return f"{text}: too good to be true; {LOOK}."
    if abs(t) < CRITICAL if p is None else p > LEVEL:
        return f"{text}: not distinguishable from zero."
    side = "above" if t > 0 else "below"
    return f"{text}: {side} zero by more than chance alone would explain, if this was the only try."


def _doubts(run: Run) -> list[str]:
    """What the numbers cannot know."""
    lines = [UNKNOWN] if run.trials is None else [_sentence(each) for each in run.trials.says]
    universe = run.manifest.config.get("universe") or {}
    dated = any(universe.get(key) for key in ("members", "members_file", "top_n"))
    if universe.get("symbols") and not dated and not run.manifest.simulated:
        lines.append(
            "The universe is one list of names for all dates: names that failed before the list "
            "was made are missing, which flatters the account and the market."
        )
    empty = run.manifest.empty_factors
    if empty:
        lines.append(f"Without a single value, and so without effect: {', '.join(empty)}.")
    return lines


def _sentence(text: str) -> str:
    """A paragraph of what the trial ledger said."""
    return f"Trials when it ended: {text}."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times, each time"


def _name(node: dict[str, Any]) -> str:
    return str(node.get("name", "of no name"))
