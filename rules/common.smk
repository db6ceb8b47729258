"""What all rules share: the checked configuration and the names of things."""

import json
import re
from pathlib import Path

from snacpack.config import ConfigError, validate_config
from snakemake.exceptions import WorkflowError

# Jobs parse this file again, each in its own process: one check before the first of them is enough.
if workflow.is_main_process:
    try:
        validate_config(config, Path(workflow.basedir) / "config" / "config.schema.yaml")
    except ConfigError as error:
        raise WorkflowError(str(error)) from None

REFERENCES = list(config["references"])
N_GENERATIONS = config["search"]["trials"] // config["search"]["population"]
N_SHARDS = config["search"]["shards"]
N_INPUTS = config["data"]["n_constituents"] * len(config["data"]["features"])


wildcard_constraints:
    run=re.escape(config["run"]),
    generation=r"\d\d\d+",
    shard=r"\d\d+",
    candidate=r"[a-z0-9][a-z0-9_-]*",
    scheme=r"w\d+a\d+(i\d+)?",
    iteration=r"\d{2}",


def selected(wildcards):
    """Names of the candidates, known once the search is done."""
    chosen = checkpoints.select_candidates.get(run=wildcards.run).output.selected
    return [candidate["name"] for candidate in json.loads(Path(chosen).read_text())["candidates"]]


def models(wildcards):
    """Names of all models that go through compression and synthesis, references first."""
    return REFERENCES + selected(wildcards)


def per_model(pattern):
    """Return an input function that fills in every model, and every scheme where the pattern has one."""
    values = {"scheme": config["compression"]["schemes"]} if "{scheme}" in pattern else {}

    def files(wildcards):
        return expand(pattern, run=wildcards.run, candidate=models(wildcards), **values)

    return files
