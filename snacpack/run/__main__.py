"""Start Snakemake as it should be on any machine: ``python -m snacpack.run`` takes the same arguments.

Snakemake itself needs a home, a user's name and packages that are whole, before it reads the Snakefile.
"""

import os
import sys

from snacpack.core.places import settle
from snacpack.run.surroundings import without_shadows


def main() -> None:
    """Become Snakemake."""
    environment, shadows = without_shadows(os.environ)
    for shadow in shadows:
        print(f"Left out, because the workflow has its own: {shadow}", file=sys.stderr)
    try:
        settle(environment)
    except OSError as error:
        sys.exit(f"Error: {error}")
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-m", "snakemake", *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
