"""``engine export``: what a run has left, for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.offers import offer_runs
from engine.cli.words import Group, Plain, switch
from engine.core.errors import ConfigError

FORECASTS = """\
a run's forecasts, a file a model, with label and factors beside them

  engine export forecasts outputs/NAME/TIME --out alphas

writes ml_alpha_{model}_{horizon}d_{universe}_{frequency}.parquet (timestamp, symbol, the
forecast, the forward return, factors; NaN where nothing was forecast) and the same name with
_metadata.json: model, label, validation, the trainings and what they came to.
"""


@click.group(cls=Group, help="what a run has left, for other programs")
def export() -> None:
    """The commands of this room."""


@export.command(cls=Plain, help=FORECASTS, no_args_is_help=True)
@click.argument("folders", metavar="RUN", nargs=-1, shell_complete=offer_runs)
@switch("--out", metavar="DIR", type=click.Path(), default=".", help="the folder to write into")
def forecasts(folders: tuple[str, ...], out: str) -> None:
    """Write each forecast of a run."""
    from engine.storage import export_forecasts

    if len(folders) != 1:
        raise ConfigError(f"export forecasts: {len(folders)} run folders are named; name one")
    try:
        for file in export_forecasts(Path(folders[0]), Path(out)):
            print(file)
    except OSError as error:
        raise ConfigError(
            f"{error.filename or out}: {error.strerror or error}; name another folder by --out"
        ) from error
