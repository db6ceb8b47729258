"""The files that a command asks Snakemake for."""

import sys
from collections.abc import Sequence
from pathlib import Path


def check_targets(run: str, arguments: Sequence[str] | None = None) -> None:
    """Check that a command asks for files of the run that the configuration names.

    Snakemake finds no rule for another run's file, and takes one that exists for an input of the user's.

    Parameters
    ----------
    run
        The run's name.
    arguments
        The ``snakemake`` command's arguments, those of this process by default.

    Raises
    ------
    RuntimeError
        If a file is of another run.
    """
    from snakemake.cli import get_argument_parser

    arguments = list(sys.argv[1:] if arguments is None else arguments)
    # As Snakemake does: what stands behind "--" is a target.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    known, _ = get_argument_parser().parse_known_args(arguments[:end])
    for target in [*known.targets, *arguments[end + 1 :]]:
        folder, *inner = Path(target).parts or ("",)
        if folder == "results" and len(inner) > 1 and inner[0] != run:
            raise RuntimeError(
                f"{target} is a file of the run {inner[0]!r}, and the configuration is that of the run {run!r}: give "
                f"the file that has the line 'run: {inner[0]}' after --configfile"
            )
