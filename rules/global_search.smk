"""The search over architectures: generations of proposals, training, estimates and selection."""


rule propose_offspring:
    input:
        survivors=earlier("results/{run}/search/gen_{number:03d}/survivors.json", last=1),
        seen=earlier("results/{run}/search/gen_{number:03d}/offspring.json"),
    output:
        offspring="results/{run}/search/gen_{generation}/offspring.json",
    log:
        "results/{run}/logs/propose_offspring/gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/propose_offspring/gen_{generation}.tsv"
    params:
        search=search_params(config["search"]),
        sizes=SIZES,
        seed=config["seed"],
    threads: SEARCH_THREADS
    priority: SEARCH_PRIORITY
    group:
        SEARCH_GROUP
    resources:
        mem_mb=growing(500),
        runtime=growing(2),
    message:
        "Proposing the networks of generation {wildcards.generation}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/propose_offspring.py"


rule train_trials:
    input:
        jets=DATA_SET,
        offspring="results/{run}/search/gen_{generation}/offspring.json",
    output:
        trials="results/{run}/search/gen_{generation}/trials_{shard}.json",
    log:
        "results/{run}/logs/train_trials/gen_{generation}_{shard}.log",
    benchmark:
        "results/{run}/benchmarks/train_trials/gen_{generation}_{shard}.tsv"
    params:
        **LOSS,
        training=TRAINING,
        n_shards=N_SHARDS,
        seed=config["seed"],
        progress="results/{run}/search/progress.log",
        **validated_metrics(ARCHITECTURES),
    threads: TRAINING_THREADS
    priority: SEARCH_PRIORITY
    group:
        SEARCH_GROUP
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
        in_turn=1,
        gpu=TRAINING_GPUS,
    message:
        "Training generation {wildcards.generation}, shard {wildcards.shard}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/train_trials.py"


rule estimate_hardware:
    input:
        offspring="results/{run}/search/gen_{generation}/offspring.json",
        known=earlier("results/{run}/search/gen_{number:03d}/hardware.json"),
    output:
        estimates="results/{run}/search/gen_{generation}/hardware.json",
    log:
        "results/{run}/logs/estimate_hardware/gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/estimate_hardware/gen_{generation}.tsv"
    params:
        surrogate=config["hardware"]["surrogate"],
        bit_width=config["hardware"]["bit_width"],
        **content_of_plugins(ARCHITECTURES),
    threads: SEARCH_THREADS
    priority: SEARCH_PRIORITY
    group:
        SEARCH_GROUP
    resources:
        mem_mb=growing(1000),
        runtime=growing(5),
        in_turn=1,
    message:
        "Estimating the FPGA cost of generation {wildcards.generation}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/estimate_hardware.py"


rule estimate_references:
    output:
        table="results/{run}/references/hardware.csv",
    log:
        "results/{run}/logs/estimate_references.log",
    benchmark:
        "results/{run}/benchmarks/estimate_references.tsv"
    params:
        references=config["references"],
        sizes=SIZES,
        surrogate=config["hardware"]["surrogate"],
        bit_width=config["hardware"]["bit_width"],
        **content_of_plugins(ARCHITECTURES),
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
        limits="results/{run}/search/limits.json",
    log:
        "results/{run}/logs/estimate_limits.log",
    benchmark:
        "results/{run}/benchmarks/estimate_limits.tsv"
    params:
        space=config["search"]["space"],
        sizes=SIZES,
        surrogate=config["hardware"]["surrogate"],
        bit_width=config["hardware"]["bit_width"],
        **content_of_plugins(ARCHITECTURES),
        **GUESS,
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


rule select_survivors:
    input:
        survivors=earlier("results/{run}/search/gen_{number:03d}/survivors.json", last=1),
        offspring="results/{run}/search/gen_{generation}/offspring.json",
        trials=expand(
            "results/{{run}}/search/gen_{{generation}}/trials_{number:02d}.json",
            number=range(N_SHARDS),
        ),
        estimates=["results/{run}/search/gen_{generation}/hardware.json"],
        # Survivors do not depend on the scale that progress is told on.
        limits=ancient("results/{run}/search/limits.json"),
    output:
        survivors="results/{run}/search/gen_{generation}/survivors.json",
    log:
        "results/{run}/logs/select_survivors/gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/select_survivors/gen_{generation}.tsv"
    params:
        search=search_params(config["search"]),
        objectives=config["search"]["objectives"],
        sizes=SIZES,
        seed=config["seed"],
        # No output: it grows from run to run, and a deleted one harms nothing.
        progress="results/{run}/search/progress.log",
        **content_of_plugins(ARCHITECTURES),
    threads: SEARCH_THREADS
    priority: SEARCH_PRIORITY
    group:
        SEARCH_GROUP
    resources:
        mem_mb=growing(500),
        runtime=growing(2),
    message:
        "Selecting the survivors of generation {wildcards.generation}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/select_survivors.py"


rule collect_trials:
    input:
        offspring=expand(
            "results/{{run}}/search/gen_{number:03d}/offspring.json",
            number=range(N_GENERATIONS),
        ),
        trials=expand(
            "results/{{run}}/search/gen_{number:03d}/trials_{shard:02d}.json",
            number=range(N_GENERATIONS),
            shard=range(N_SHARDS),
        ),
        estimates=expand(
            "results/{{run}}/search/gen_{number:03d}/hardware.json",
            number=range(N_GENERATIONS),
        ),
        # What no later generation asks for: the last selection belongs to the record too.
        survivors=f"results/{{run}}/search/gen_{N_GENERATIONS - 1:03d}/survivors.json",
    output:
        trials="results/{run}/search/trials.csv",
        pareto="results/{run}/search/pareto.csv",
    log:
        "results/{run}/logs/collect_trials.log",
    benchmark:
        "results/{run}/benchmarks/collect_trials.tsv"
    params:
        objectives=config["search"]["objectives"],
        surrogate=config["hardware"]["surrogate"],
        **content_of_plugins(ARCHITECTURES),
    threads: 1
    priority: SEARCH_PRIORITY
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Collecting all trials and their Pareto front"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/collect_trials.py"


rule rerun_trial:
    input:
        jets=DATA_SET,
        trials="results/{run}/search/trials.csv",
    output:
        rerun="results/{run}/search/reruns/{trial}.json",
    log:
        "results/{run}/logs/rerun_trial/{trial}.log",
    benchmark:
        "results/{run}/benchmarks/rerun_trial/{trial}.tsv"
    params:
        **LOSS,
        training=TRAINING,
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
        trials="results/{run}/search/trials.csv",
        limits="results/{run}/search/limits.json",
    output:
        hypervolume="results/{run}/search/hypervolume.csv",
    log:
        "results/{run}/logs/measure_hypervolume.log",
    benchmark:
        "results/{run}/benchmarks/measure_hypervolume.tsv"
    params:
        objectives=config["search"]["objectives"],
        **content_of_plugins(ARCHITECTURES),
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
        pareto="results/{run}/search/pareto.csv",
        trials="results/{run}/search/trials.csv",
        reference=accuracy_reference(config["selection"]["min_score"]),
    output:
        selected="results/{run}/candidates/selected.json",
    log:
        "results/{run}/logs/select_candidates.log",
    benchmark:
        "results/{run}/benchmarks/select_candidates.tsv"
    params:
        objectives=config["search"]["objectives"],
        # By the names of former versions, whose finished choices a new name would repeat.
        selection={"min_accuracy": config["selection"]["min_score"], "max_candidates": config["selection"]["max_candidates"]},
        **content_of_plugins(ARCHITECTURES),
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
        reference=lambda wildcards: config["references"].get(wildcards.candidate),
        sizes=SIZES,
    threads: 1
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
    output:
        weights="results/{run}/candidates/{candidate}/float.pt",
        metrics="results/{run}/candidates/{candidate}/float.json",
    log:
        "results/{run}/logs/train_candidate/{candidate}.log",
    benchmark:
        "results/{run}/benchmarks/train_candidate/{candidate}.tsv"
    params:
        **LOSS,
        training=TRAINING,
        seed=config["seed"],
        **{**validated_metrics(ARCHITECTURES), **SCORE_PLUGIN},
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
        task=TASK_PARAMS,
        seed=config["seed"],
        **TASK_PLUGIN,
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
