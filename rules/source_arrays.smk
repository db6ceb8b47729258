"""The user's own labelled arrays."""

from snacpack.data.sources.arrays import PREPARATION, content_of_arrays
from snacpack.data.user_files import find_files
from snacpack.tasks.registry import targets_of


def users_arrays(wildcards):
    """Files of arrays that the user gives; their content decides, see content_of_users_arrays."""
    return [ancient(path) for paths in find_files(config["data"]["arrays"]).values() for path in paths]


def content_of_users_arrays(wildcards):
    """Return the digest of what the user's arrays hold."""
    return content_of_arrays(config["data"]["arrays"], trust=not workflow.is_main_process)


rule prepare_arrays:
    input:
        files=users_arrays,
    output:
        dataset=DATA_SET,
    log:
        "results/{run}/logs/prepare_arrays.log",
    benchmark:
        "results/{run}/benchmarks/prepare_arrays.tsv"
    params:
        seed=config["seed"],
        preparation=PREPARATION,
        arrays=config["data"]["arrays"],
        normalisation=config["data"]["normalisation"],
        validation_fraction=config["data"]["validation_fraction"],
        test_fraction=config["data"]["test_fraction"],
        content=content_of_users_arrays,
        **targets_of(config),
    threads: 1
    group:
        PREPARATION_GROUP
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    message:
        "Preparing the user's arrays for training"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/prepare_arrays.py"
