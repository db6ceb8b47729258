"""The whole configuration."""

from copy import deepcopy
from typing import Annotated

from pydantic import Field

from snacpack.config.compression import Compression
from snacpack.config.data import Data
from snacpack.config.hardware import Hardware
from snacpack.config.keys import EACH_ONCE, Says, Section, key, section
from snacpack.config.references import BASELINE, References
from snacpack.config.search import Search
from snacpack.config.selection import Selection
from snacpack.config.synthesis import Synthesis
from snacpack.config.task import Task
from snacpack.config.training import Training

RunName = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$"),
    Says("small letters, digits, _, - and ., at most 100, in quotes if it is a number"),
]
Folder = Annotated[str, Field(min_length=1), Says("a folder, relative to the working directory or absolute")]


class Configuration(Section):
    """Every key of the configuration."""

    run: RunName = key(
        "quick", "name of the run and of its folder under results/", "Runs with different names share nothing."
    )
    seed: Annotated[int, Field(ge=0)] = key(
        1,
        "number from which every random choice of the run follows",
        "A choice also follows from the name of the thing that is seeded (trial 12, jets of class g, ...).",
    )
    plugins: Annotated[list[Folder], EACH_ONCE] = key(
        [],
        "folders with data sources, objectives, tasks, backends and families of your own",
        "[Sources](../docs/sources.md) are `FOLDER/sources/*.py`, [objectives](../docs/objectives.md) "
        "`FOLDER/objectives/*.py`, [tasks](../docs/tasks.md) `FOLDER/tasks/*.py`, "
        "[backends](../docs/hardware.md#a-backend-of-your-own) `FOLDER/backends/*.py` and "
        "[families](../docs/families.md) `FOLDER/families/*.py`. A change of a file repeats the jobs that use it.",
    )
    task: Task = section(Task)
    data: Data = section(Data)
    training: Training = section(Training)
    hardware: Hardware = section(Hardware)
    references: References = key(
        {"baseline": deepcopy(BASELINE)},
        "architectures that go through every stage beside the candidates, by name",
        "The default is the jet classifier of Odagiu et al. 2024 for 8 constituents. `baseline: null` removes it; "
        "`selection.min_score` then needs another name or a number.",
    )
    search: Search = section(Search)
    selection: Selection = section(Selection)
    compression: Compression = section(Compression)
    synthesis: Synthesis = section(Synthesis)
