"""Every built-in model on real bars, side by side: what it knew, earned and cost to train.

    python benchmarks/league.py                    # all of them: hours
    python benchmarks/league.py --models ridge,linear --universes ai_tech
    python benchmarks/league.py --docs             # the last table into docs/league.md

Each model is a run of the command line in a process of its own, on the same bars and factors, with
its options as they come: `engine run +bundle=ai_tech_ml_alpha model=NAME`. All of them share one
store, so factors are computed once, and a trial ledger that counts them alone. A run is known by
its configuration, its data and all code; one that has finished is not run again, so a league that
was stopped goes on where it was. What fails stands in the table with the reason. `--models` and
`--universes` say what is run; the table shows whatever has finished. It needs the shared real data
($ALPHA_ENGINE_SHARED), and leaves everything in outputs/league: `league.json`, `league.md`, and the
runs, without the values of factors and forecasts.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from league_table import Row, Standing, compare, draw, find_confident, replace_section

from engine import EngineError
from engine.config import compose_config, find_secrets
from engine.core.fields import REQUIRED, default
from engine.core.folders import is_finished
from engine.core.panel import FloatArray
from engine.pipeline import STAGES, choose_plugins, job, read
from engine.pipeline.keys import Keys
from engine.plugin.registry import HOME, Entry, installed
from engine.storage import Artifacts, Trials
from engine.trials import Database
from engine.trials.verdict import judge

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("ALPHA_ENGINE_SHARED", ROOT.parent / "shared"))
PLACE, PAGE = ROOT / "outputs" / "league", ROOT / "docs" / "league.md"
LEDGER, STORE = PLACE / "trials.sqlite", PLACE / "store"
UNIVERSES = {
    "ai_tech": ("ai_tech_2014_2022.parquet", ["universe=ai_tech"]),
    "us_liquid200": (
        "us_liquid200_2014_2020.parquet",
        ["universe=all", "universe.calendar=XNYS", "bundle.name=us_liquid200_ml_alpha"],
    ),
}
LARGE = ("factors", "forecasts")  # tables that a row does not need
NOT_RUN = "not run yet"


def main() -> None:
    args = read_arguments()
    if args.docs:
        write_page()
        return
    present = [name for name, (file, _) in UNIVERSES.items() if (SHARED / "data" / file).is_file()]
    for name in sorted({*UNIVERSES} - {*present}):
        print(
            f"{name}: skipped: no {SHARED / 'data' / UNIVERSES[name][0]}: set ALPHA_ENGINE_SHARED"
        )
    if not present:
        return
    models, wanting = list_models()
    chosen = args.models.split(",") if args.models else models
    refuse_unknown("--models", chosen, models)
    refuse_unknown("--universes", args.universes.split(","), [*UNIVERSES])
    failed: dict[tuple[str, str], str] = {}
    for universe in (name for name in args.universes.split(",") if name in present):
        for model in chosen:
            failed[universe, model] = run(universe, model)
            print(f"{universe} {model}: {failed[universe, model] or 'finished'}", flush=True)
    standings = [stand(universe, models, failed) for universe in present]
    leave(standings, wanting)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="", help="those to run, such as ridge,linear")
    parser.add_argument("--universes", default=",".join(UNIVERSES))
    parser.add_argument("--docs", action="store_true", help="run nothing: write docs/league.md")
    return parser.parse_args()


def refuse_unknown(switch: str, names: Sequence[str], known: Sequence[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"{switch} {unknown[0]}: choose from {', '.join(known)}")


def list_models() -> tuple[list[str], dict[str, list[str]]]:
    """The built-in models, and those that need options which have no default, with these."""
    entries = {n: e for n, e in installed().entries("model").items() if e.dist == HOME}
    wanting = {name: need for name, entry in entries.items() if (need := list_needed(entry))}
    return [name for name in entries if name not in wanting], wanting


def list_needed(entry: Entry) -> list[str]:
    """The options of a plugin that have no default."""
    options = dataclasses.fields(entry.cls)  # type: ignore[arg-type]
    return [each.name for each in options if default(each) in ("", REQUIRED)]


def list_words(universe: str, model: str) -> list[str]:
    """What is typed after `engine run`, but for where it writes."""
    file, words = UNIVERSES[universe]
    bars = ["source=parquet", f"source.path={SHARED / 'data' / file}"]
    return ["+bundle=ai_tech_ml_alpha", *words, *bars, f"model={model}", "report=none"]


def find_place(universe: str, model: str) -> Path:
    return PLACE / "runs" / universe / model


@cache
def make_key(universe: str, model: str) -> str:
    """Return what a run is known by: its ``timings.json`` has the same, where nothing has changed.

    Raises EngineError where its configuration is refused.
    """
    config = job(compose_config(list_words(universe, model)))
    registry, shown = choose_plugins(config, installed()), copy.deepcopy(config)
    for key in ("store", "trials"):
        shown.pop(key, None)
    settings, secrets = read(config, registry), find_secrets(config)
    absent = {stage.name for stage in STAGES if not stage.wanted(settings)}
    return Keys(STAGES, config, registry, absent, secrets).make_job_key(secrets.config(shown))


def has_finished(universe: str, model: str) -> bool:
    """Whether there is a run, of the configuration, data and code as they are now."""
    place = find_place(universe, model)
    if not is_finished(place):
        return False
    try:
        return bool(Artifacts(place).read_plain("timings")["job"] == make_key(universe, model))
    except EngineError:
        return False


def run(universe: str, model: str) -> str:
    """Run a model, unless it has finished; return why it failed, or ""."""
    try:
        make_key(universe, model)
    except EngineError as error:
        return str(error)
    if has_finished(universe, model):
        return ""
    why = start(universe, model, f"store.path={STORE}")
    if not why and find_stage(find_place(universe, model), "forecasts")["how"] == "reused":
        shutil.rmtree(find_place(universe, model))  # one that was stopped after it had trained
        why = start(universe, model, "store=none")
    for name in LARGE if not why else ():
        (find_place(universe, model) / f"{name}.parquet").unlink(missing_ok=True)
    return why


def start(universe: str, model: str, store: str) -> str:
    """Run a model in a process of its own; return why it failed, or ""."""
    words = [*list_words(universe, model), store, f"trials.path={LEDGER}"]
    words += [f"hydra.run.dir={find_place(universe, model)}"]
    done = subprocess.run(
        [sys.executable, "-m", "engine", "run", *words], check=False, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else explain(done.returncode, done.stderr)


def explain(code: int, said: str) -> str:
    """Why a process failed, in a line."""
    if code < 0:
        name = signal.Signals(-code).name
        return f"ended by {name}{', as when memory runs out' if name == 'SIGKILL' else ''}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    own = [line.removeprefix("engine: ") for line in lines if line.startswith("engine: ")]
    return (own or lines or [f"exit code {code}"])[-1]


def find_stage(place: Path, name: str) -> Mapping[str, Any]:
    rows: list[dict[str, Any]] = Artifacts(place).read_plain("timings")["stages"]
    return next(row for row in rows if row["stage"] == name)


def stand(universe: str, models: Sequence[str], failed: Mapping[tuple[str, str], str]) -> Standing:
    """Put side by side what has finished on a universe."""
    ran = [model for model in models if has_finished(universe, model)]
    rows = [
        Row(name, failed.get((universe, name)) or NOT_RUN) for name in models if name not in ran
    ]
    if not ran:
        return Standing(universe, "Nothing has been run yet.", tuple(rows), {}, None)
    with Database(LEDGER, read_only=True) as database:
        told = {n: judge(database, database.find(str(find_place(universe, n)))) for n in ran}
    rows += [read_row(universe, model, told[model]) for model in ran]
    daily = {model: read_daily(universe, model) for model in ran}
    made = Artifacts(find_place(universe, ran[0]))
    source, horizon = made.manifest.source, made.metrics.horizon
    counts = told[ran[0]].counts
    facts = (
        f"{source.symbols} symbols, {source.start:.10} to {source.end:.10}; forecasts of {horizon} "
        f"days, judged on {int(np.isfinite(daily[ran[0]]).sum())} dates."
    )
    return Standing(
        universe,
        facts,
        tuple(rows),
        compare(daily, horizon),
        find_confident(daily),
        counts.all,
        counts.independent,
    )


def read_row(universe: str, model: str, told: Trials) -> Row:
    """What a finished run came to."""
    place = find_place(universe, model)
    made = Artifacts(place)
    known = made.metrics.forecasts[made.forecasts.forecast]
    net, stages = made.metrics.performance.net, made.read_plain("timings")["stages"]
    fit = find_stage(place, "forecasts")
    return Row(
        model=model,
        rank_ic=known.rank_ic_mean,
        rank_ic_t=known.rank_ic_t,
        sharpe=net.sharpe,
        sharpe_se=net.sharpe_se,
        deflated=None if told.raw is None else told.raw.deflated,
        turnover=made.metrics.turnover.per_day,
        fit_seconds=fit["seconds"],
        fit_mb=fit["peak_mb"],
        run_mb=max(row["peak_mb"] for row in stages),
    )


def read_daily(universe: str, model: str) -> FloatArray:
    """Rank ICs of a model's forecasts by date, shape (T,); NaN where there is none."""
    made = Artifacts(find_place(universe, model))
    daily: FloatArray = made.table("ic")[made.forecasts.forecast].to_numpy()
    return daily


def leave(standings: Sequence[Standing], wanting: Mapping[str, Sequence[str]]) -> None:
    """Print the tables, and write them down."""
    options = "; ".join(f"`{name}` ({', '.join(need)})" for name, need in wanting.items())
    notes = [f"Left out, for they need options that have no default: {options or 'none'}."]
    versions = {
        name: version for standing in standings for name, version in read_versions(standing)
    }
    listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    notes.append(f"Seconds and memory are of {len(os.sched_getaffinity(0))} cores; {listed}.")
    section = draw(standings, notes)
    PLACE.mkdir(parents=True, exist_ok=True)
    plain = {each.universe: dataclasses.asdict(each) for each in standings}
    (PLACE / "league.json").write_text(json.dumps(plain, indent=1) + "\n", "utf-8")
    (PLACE / "league.md").write_text(section + "\n", "utf-8")
    print(f"\n{section}\n\nleague: {PLACE}")


def read_versions(standing: Standing) -> list[tuple[str, str]]:
    """Versions of the engine and of the libraries that trained."""
    ran = [row.model for row in standing.rows if not row.failed]
    if not ran:
        return []
    found = Artifacts(find_place(standing.universe, ran[0])).manifest.versions
    wanted = ("alpha-engine", "lightgbm", "numpy", "scikit-learn", "xgboost-cpu")
    return [(name, found[name]) for name in wanted if name in found]


def write_page() -> None:
    """Put the last table into the page."""
    file = PLACE / "league.md"
    if not file.is_file():
        sys.exit(f"{file}: not there yet; type make league")
    section = file.read_text("utf-8").strip()
    PAGE.write_text(replace_section(PAGE.read_text("utf-8"), section), "utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
