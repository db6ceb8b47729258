"""The data set: jets, simulated, downloaded or at hand, or the user's arrays; prepared for the networks."""

if config["data"]["source"] == "pythia":

    rule simulate_jets:
        output:
            jets="results/{run}/data/simulated/{split}/{jet_class}_{part}.h5",
        log:
            "results/{run}/logs/simulate_jets/{split}_{jet_class}_{part}.log",
        benchmark:
            "results/{run}/benchmarks/simulate_jets/{split}_{jet_class}_{part}.tsv"
        params:
            seed=config["seed"],
            n_jets=lambda wildcards: jets_of_sample(wildcards.split)[wildcards.jet_class, wildcards.part],
            recipe=SIMULATION,
        wildcard_constraints:
            split="train|val",
            jet_class="|".join(CLASSES),
            part=r"\d{2,3}",
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(10 + config["data"]["pythia"]["jets_per_job"] // 1000),
            in_turn=1,
        message:
            "Simulating {params.n_jets} {wildcards.jet_class} jets ({wildcards.split}, part {wildcards.part})"
        conda:
            "../envs/environment.yaml"
        script:
            "../workflow_scripts/simulate_jets.py"


if config["data"]["source"] == "zenodo":

    # Nodes that compute have often no way out.
    localrules:
        download_jets,

    rule download_jets:
        output:
            folder=directory("results/{run}/data/downloaded/{split}"),
        log:
            "results/{run}/logs/download_jets/{split}.log",
        benchmark:
            "results/{run}/benchmarks/download_jets/{split}.tsv"
        params:
            url=config["data"]["zenodo"]["url"],
            archive=lambda wildcards: config["data"]["zenodo"]["archives"][wildcards.split],
            # Outside the output, which Snakemake removes before each attempt: a partial download is kept.
            archives="results/{run}/data/archives",
        wildcard_constraints:
            split="train|val",
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=growing(720),
        message:
            "Downloading {params.archive[name]}"
        conda:
            "../envs/environment.yaml"
        script:
            "../workflow_scripts/download_jets.py"


if HAS_ARRAYS:

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
            **TARGETS,
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

else:

    rule preprocess_jets:
        input:
            unpack(raw_jets),
        output:
            jets=DATA_SET,
        log:
            "results/{run}/logs/preprocess_jets.log",
        benchmark:
            "results/{run}/benchmarks/preprocess_jets.tsv"
        params:
            seed=config["seed"],
            source=DATA_INFO.source,
            n_constituents=config["data"]["n_constituents"],
            min_constituent_pt_gev=config["data"]["min_constituent_pt_gev"],
            features=config["data"]["features"],
            validation_fraction=config["data"]["validation_fraction"],
            test_fraction=config["data"]["test_fraction"],
            normalisation=config["data"]["normalisation"],
            **({"content": content_of_jets} if HAS_FILES else {}),
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


rule draw_data_card:
    input:
        jets=DATA_SET,
    output:
        card="results/{run}/data/card.json",
        figure=multiext("results/{run}/figures/data_card", ".png", ".svg"),
    log:
        "results/{run}/logs/draw_data_card.log",
    benchmark:
        "results/{run}/benchmarks/draw_data_card.tsv"
    threads: 1
    group:
        PREPARATION_GROUP
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
        in_turn=1,
    message:
        "Drawing the data card"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/draw_data_card.py"
