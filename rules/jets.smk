"""Jets, prepared for the networks; the source of the jets says with RAW_JETS and CONTENT_OF_JETS which they are."""

from snacpack.jets.info import background_of_jets


rule preprocess_jets:
    input:
        unpack(RAW_JETS),
    output:
        jets=DATA_SET,
    log:
        "results/{run}/logs/preprocess_jets.log",
    benchmark:
        "results/{run}/benchmarks/preprocess_jets.tsv"
    params:
        **CONTENT_OF_JETS,
        **background_of_jets(config),
        seed=config["seed"],
        source=DATA_INFO.source,
        n_constituents=config["data"]["n_constituents"],
        min_constituent_pt_gev=config["data"]["min_constituent_pt_gev"],
        features=config["data"]["features"],
        validation_fraction=config["data"]["validation_fraction"],
        test_fraction=config["data"]["test_fraction"],
        normalisation=config["data"]["normalisation"],
    threads: 1
    group:
        PREPARATION_GROUP
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    message:
        "Preparing the jets for training"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/preprocess_jets.py"
