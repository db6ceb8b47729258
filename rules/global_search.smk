"""Before and after the search over architectures: estimates of its ends, its quality, and the networks that it chose."""


rule estimate_references:
    output:
        table="results/{run}/references/hardware.csv",
    log:
        "results/{run}/logs/estimate_references.log",
    benchmark:
        "results/{run}/benchmarks/estimate_references.tsv"
    params:
        **content_of_plugins(ARCHITECTURES),
        family_plugins=content_of_families(),
        references=config["references"],
        sizes=SIZES,
        surrogate=config["hardware"]["surrogate"],
        bit_width=config["hardware"]["bit_width"],
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Estimating the FPGA cost of the reference architectures"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/estimate_references.py"


rule estimate_limits:
    output:
        limits="results/{run}/searches/architectures/limits.json",
    log:
        "results/{run}/logs/estimate_limits.log",
    benchmark:
        "results/{run}/benchmarks/estimate_limits.tsv"
    params:
        **content_of_plugins(ARCHITECTURES),
        **GUESS,
        family_plugins=content_of_families(SEARCHED_FAMILY),
        space=config["search"]["space"],
        sizes=SIZES,
        surrogate=config["hardware"]["surrogate"],
        bit_width=config["hardware"]["bit_width"],
    threads: 1
    priority: SEARCH_PRIORITY
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Estimating what the networks of the search space cost at most"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/estimate_limits.py"


rule rerun_trial:
    input:
        jets=DATA_SET,
        trials="results/{run}/searches/architectures/trials.csv",
    output:
        rerun="results/{run}/searches/architectures/reruns/{trial}.json",
    log:
        "results/{run}/logs/rerun_trial/{trial}.log",
    benchmark:
        "results/{run}/benchmarks/rerun_trial/{trial}.tsv"
    params:
        **LOSS,
        family_plugins=content_of_families(SEARCHED_FAMILY),
        training=TRAINING,
        sizes=SIZES,
    wildcard_constraints:
        trial=r"\d+",
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
        gpu=TRAINING_GPUS,
    message:
        "Training trial {wildcards.trial} once more, alone"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/rerun_trial.py"


rule measure_hypervolume:
    input:
        trials="results/{run}/searches/architectures/trials.csv",
        limits="results/{run}/searches/architectures/limits.json",
    output:
        hypervolume="results/{run}/searches/architectures/hypervolume.csv",
    log:
        "results/{run}/logs/measure_hypervolume.log",
    benchmark:
        "results/{run}/benchmarks/measure_hypervolume.tsv"
    params:
        **content_of_plugins(ARCHITECTURES),
        objectives=config["search"]["objectives"],
    threads: 1
    resources:
        mem_mb=500,
        runtime="10m",
    message:
        "Measuring what the search reached after each generation"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/measure_hypervolume.py"


checkpoint select_candidates:
    input:
        pareto="results/{run}/searches/architectures/pareto.csv",
        trials="results/{run}/searches/architectures/trials.csv",
        reference=accuracy_reference(config["selection"]["min_score"]),
    output:
        selected="results/{run}/candidates/selected.json",
    log:
        "results/{run}/logs/select_candidates.log",
    benchmark:
        "results/{run}/benchmarks/select_candidates.tsv"
    params:
        **content_of_plugins(ARCHITECTURES),
        objectives=config["search"]["objectives"],
        selection=config["selection"],
        sizes=SIZES,
    threads: 1
    priority: SEARCH_PRIORITY
    resources:
        mem_mb=500,
        runtime="5m",
    message:
        "Selecting the candidates for compression"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/select_candidates.py"


rule describe_candidate:
    input:
        selected=architecture_source,
    output:
        architecture="results/{run}/candidates/{candidate}/architecture.json",
    log:
        "results/{run}/logs/describe_candidate/{candidate}.log",
    benchmark:
        "results/{run}/benchmarks/describe_candidate/{candidate}.tsv"
    params:
        family_plugins=content_of_family,
        reference=lambda wildcards: config["references"].get(wildcards.candidate),
        sizes=SIZES,
    threads: 1
    priority: COMPRESSION_SEARCH_PRIORITY
    resources:
        mem_mb=500,
        runtime="5m",
    message:
        "Writing down the architecture of {wildcards.candidate}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/describe_candidate.py"


rule train_candidate:
    input:
        jets=DATA_SET,
        architecture="results/{run}/candidates/{candidate}/architecture.json",
        # Another choice trains nothing again: a trial has its number, and its architecture is an input of its own.
        selected=ancient(architecture_source),
    output:
        weights="results/{run}/candidates/{candidate}/float.pt",
        metrics="results/{run}/candidates/{candidate}/float.json",
    log:
        "results/{run}/logs/train_candidate/{candidate}.log",
    benchmark:
        "results/{run}/benchmarks/train_candidate/{candidate}.tsv"
    params:
        **LOSS,
        **{**validated_metrics(ARCHITECTURES), **SCORE_PLUGIN},
        family_plugins=content_of_family,
        training=TRAINING,
        seed=config["seed"],
    threads: 1
    group:
        group_of_training
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
        gpu=TRAINING_GPUS,
        in_turn=1,
    message:
        "Training {wildcards.candidate} in floating point"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/train_candidate.py"


rule measure_candidate:
    input:
        jets=DATA_SET,
        architecture="results/{run}/candidates/{candidate}/architecture.json",
        weights="results/{run}/candidates/{candidate}/float.pt",
    output:
        measured="results/{run}/candidates/{candidate}/performance.json",
    log:
        "results/{run}/logs/measure_candidate/{candidate}.log",
    benchmark:
        "results/{run}/benchmarks/measure_candidate/{candidate}.tsv"
    params:
        **TASK_PLUGIN,
        family_plugins=content_of_family,
        task=TASK_PARAMS,
        seed=config["seed"],
    threads: 1
    group:
        together("candidates")
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
        in_turn=1,
    message:
        "Measuring {wildcards.candidate} on the test {EXAMPLES}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/measure_candidate.py"
