"""The examples of a source that gives arrays, such as one of a plugin."""

from snacpack.data.preparation import PREPARATION
from snacpack.data.reading import content_of_files, files_of, settings_of
from snacpack.data.sources import REGISTRY as SOURCES

SOURCE_SETTINGS = settings_of(SOURCE, config)


rule read_source:
    input:
        # Their content decides, whatever their dates are.
        files=lambda wildcards: [ancient(str(path)) for path in files_of(SOURCE, SOURCE_SETTINGS["options"])],
    output:
        dataset=DATA_SET,
    log:
        "results/{run}/logs/read_source.log",
    benchmark:
        "results/{run}/benchmarks/read_source.tsv"
    params:
        seed=config["seed"],
        preparation=PREPARATION,
        settings=SOURCE_SETTINGS,
        source_plugins=SOURCES.digest_of(SOURCE.name, trust=not workflow.is_main_process),
        content=lambda wildcards: content_of_files(
            SOURCE, SOURCE_SETTINGS["options"], trust=not workflow.is_main_process
        ),
    threads: 1
    group:
        PREPARATION_GROUP
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    message:
        "Preparing the data of {SOURCE.name} for training"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/read_source.py"
