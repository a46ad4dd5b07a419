"""The table of the engine's own commands: a row each, with its lines of ``engine --help``."""

from __future__ import annotations

from engine.core.command import Command

OWN = (
    Command(
        "run",
        "engine.cli.run:run",
        """
        +bundle=NAME [key=value …]  run a bundle, from bars to report
        -m +bundle=A,B model=x,y  sweep (hydra/launcher=joblib: in parallel)
        +bundle=NAME --cfg job  print the configuration, run nothing
        --from STAGE RUN [key=value …]  go on from a finished run, with what came before STAGE
        --help  every group, option and switch
        """,
    ),
    Command(
        "report",
        "engine.cli.pages:report",
        """
        RUN  draw a finished run's report again
        """,
    ),
    Command(
        "compare",
        "engine.cli.pages:compare",
        """
        RUN RUN … [--out F.html]  what differs between runs, and what came of it
        """,
    ),
    Command(
        "export",
        "engine.cli.export:export",
        """
        forecasts RUN [--out DIR]  a run's forecasts for other programs, a file a model
        """,
    ),
    Command(
        "trials",
        "engine.cli.trials:trials",
        """
        what was tried, and what that makes of a result
        list [--last N | --all]  the newest trials, a line each
        show KEY|RUN  all that is known of one trial
        explain KEY|RUN  every figure with its sentence
        """,
    ),
    Command(
        "audit",
        "engine.cli.audit:audit",
        """
        +bundle=NAME [key=value …]  does any part of a run look ahead?
        """,
    ),
    Command(
        "data",
        "engine.cli.data:data",
        """
        check source=NAME [key=value …]  what is wrong with bars before a run uses them
        check FILE [key=value …]  the same of a parquet or CSV file, or a folder of them
        check FILE --known COLUMN --period COLUMN  were figures known before their period ended?
        """,
    ),
    Command(
        "factors",
        "engine.cli.factors:factors",
        """
        compute SET … [--out F]  values of factor sets and formulas, by date and symbol
        explain "FORMULA"  what it reads, how far back, and what looks odd
        register NAME "FORMULA"  keep a factor: computed once, then by the day
        list  the registered factors
        show NAME  what is known of one, and what is kept
        rm NAME …  take factors out
        update [NAME …]  compute what is missing, and only that
        read NAME … [--out F]  values that are kept
        """,
    ),
    Command(
        "store",
        "engine.cli.store:store",
        """
        verify [--sample N] [--mend]  is what is kept what was written, and what formulas give?
        compact  write what is read seldom as compressed files
        vacuum  delete files that nobody reads any more
        stats  what is kept, and how large it is
        """,
    ),
    Command(
        "plugins",
        "engine.cli.plugins:plugins",
        """
        list [KIND]  what is installed, from where, and what failed
        show [KIND] NAME  a plugin's fields, and YAML that builds it
        yaml [KIND] NAME  that YAML alone, for a file of your own in conf/
        check [KIND] NAME [key=value …]  does it keep its kind's contract?
        new NAME [--here DIR]  start a distribution of your own
        """,
    ),
    Command(
        "warm",
        "engine.cli.warm:warm",
        """
        compile the operators of formulas before their first use
        """,
    ),
    Command(
        "completion",
        "engine.cli.completion:completion",
        """
        bash|zsh|fish  print the script with which the shell completes what you type
        """,
    ),
)
