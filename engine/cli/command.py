"""The commands of ``engine``: what is typed, where its work is done, and what the help says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """A command, which is imported when it is typed.

    Parameters
    ----------
    name : str
        What is typed after ``engine``.
    target : str
        ``module:function``; the function takes the words that follow and returns the exit code.
    help : str
        Its lines in ``engine --help``.
    """

    name: str
    target: str
    help: str

    def load(self) -> Callable[[list[str]], int]:
        """Import the command's function."""
        module, _, function = self.target.partition(":")
        work: Callable[[list[str]], int] = getattr(import_module(module), function)
        return work


OWN = (
    Command(
        "run",
        "engine.cli.run:run",
        """\
  engine run +bundle=NAME [key=value …]     run a bundle, from bars to report
  engine run -m +bundle=A,B model=x,y       sweep (hydra/launcher=joblib: in parallel)
  engine run +bundle=NAME --cfg job         print the configuration, run nothing
  engine run --from STAGE RUN [key=value …] go on from a finished run, with what came before STAGE
  engine run --help                         every group, option and switch
""",
    ),
    Command(
        "report",
        "engine.cli.pages:report",
        """\
  engine report RUN                         draw a finished run's report again
""",
    ),
    Command(
        "compare",
        "engine.cli.pages:compare",
        """\
  engine compare RUN RUN … [--out F.html]   what differs between runs, and what came of it
""",
    ),
    Command(
        "data",
        "engine.cli.data:data",
        """\
  engine data check source=NAME [key=value] what is wrong with bars before a run uses them
  engine data check FILE.parquet [--known COLUMN --period COLUMN]
""",
    ),
    Command(
        "factors",
        "engine.cli.factors:factors",
        """\
  engine factors compute SET … [--out F]    values of factor sets and formulas, by date and symbol
  engine factors explain "FORMULA"          what it reads, how far back, and what looks odd
""",
    ),
    Command(
        "plugins",
        "engine.cli.plugins:plugins",
        """\
  engine plugins list [KIND]                what is installed, from where, and what failed
  engine plugins show NAME                  a plugin's fields, and YAML that builds it
  engine plugins yaml NAME                  that YAML alone, for a file of your own in conf/
  engine plugins check NAME [key=value …]   does it keep its kind's contract?
  engine plugins new NAME                   start a distribution of your own
""",
    ),
    Command(
        "warm",
        "engine.cli.warm:warm",
        """\
  engine warm                               compile the operators of formulas before their first use
""",
    ),
)
