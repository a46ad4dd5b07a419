"""``engine tracked``: what the observer `tracker` has left in a run's folder."""

import json
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--top", type=click.IntRange(1), default=3, help="how many stages")
def tracked(run: Path, top: int) -> int:
    """Print the slowest stages of RUN, and return 1 where nobody has tracked it."""
    file = run / "tracked.jsonl"
    if not file.is_file():
        click.echo("nobody has tracked this run")
        return 1
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    for row in sorted(rows, key=lambda row: -row["seconds"])[:top]:
        click.echo(f"{row['stage']:12} {row['seconds']:6.2f} s")
    return 0
