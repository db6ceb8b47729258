"""The user's own labelled arrays."""

from snacpack.data.preparation import PREPARATION
from snacpack.data.sources.arrays import content_of_arrays
from snacpack.data.user_files import find_files
from snacpack.tasks.registry import targets_of

ARRAYS = config["data"]["arrays"]


rule prepare_arrays:
    input:
        # Their content decides, whatever their dates are.
        files=lambda wildcards: [ancient(path) for paths in find_files(ARRAYS).values() for path in paths],
    output:
        dataset=DATA_SET,
    log:
        "results/{run}/logs/prepare_arrays.log",
    benchmark:
        "results/{run}/benchmarks/prepare_arrays.tsv"
    params:
        **targets_of(config),
        seed=config["seed"],
        preparation=PREPARATION,
        arrays=ARRAYS,
        normalisation=config["data"]["normalisation"],
        validation_fraction=config["data"]["validation_fraction"],
        test_fraction=config["data"]["test_fraction"],
        content=lambda wildcards: content_of_arrays(ARRAYS, trust=not workflow.is_main_process),
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
