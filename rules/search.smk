"""The searches, over architectures and over each network's compressions: generations of proposals, evaluation, selection."""


rule propose_trials:
    input:
        network=of_search("network"),
        survivors=earlier("results/{run}/searches/{search}/gen_{number:03d}/survivors.json", last=1),
        seen=earlier("results/{run}/searches/{search}/gen_{number:03d}/offspring.json"),
    output:
        offspring="results/{run}/searches/{search}/gen_{generation}/offspring.json",
    log:
        "results/{run}/logs/propose_trials/{search}_gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/propose_trials/{search}_gen_{generation}.tsv"
    params:
        family_plugins=content_of_family,
        problem=of_search("problem"),
        search=of_search("proposing"),
        sizes=SIZES,
        seed=of_search("seed"),
    threads: of_search("step_threads")
    priority: of_search("priority")
    group:
        GROUP_OF_SEARCH
    resources:
        mem_mb=growing(500),
        runtime=growing(2),
    message:
        "Proposing generation {wildcards.generation} of the search {wildcards.search}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/propose_trials.py"


rule evaluate_trials:
    input:
        jets=DATA_SET,
        start=of_search("start"),
        offspring="results/{run}/searches/{search}/gen_{generation}/offspring.json",
    output:
        trials="results/{run}/searches/{search}/gen_{generation}/trials_{shard}.json",
    log:
        "results/{run}/logs/evaluate_trials/{search}_gen_{generation}_{shard}.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_trials/{search}_gen_{generation}_{shard}.tsv"
    params:
        **LOSS,
        family_plugins=content_of_family,
        problem=of_search("problem"),
        candidate=of_search("candidate"),
        training=of_search("training"),
        target=of_search("target"),
        n_shards=of_search("n_shards"),
        seed=config["seed"],
        # No output: it grows from run to run, with progress.jsonl beside it, and nothing is lost without them.
        progress="results/{run}/searches/{search}/progress.log",
        validated=of_search("validated"),
        task_plugins=of_search("task_plugins"),
        plugins=of_search("plugins_of_trials"),
    threads: of_search("threads")
    priority: of_search("priority")
    group:
        GROUP_OF_SEARCH
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
        in_turn=1,
        gpu=TRAINING_GPUS,
    message:
        "Training generation {wildcards.generation} of the search {wildcards.search}, shard {wildcards.shard}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/evaluate_trials.py"


rule estimate_hardware:
    input:
        offspring="results/{run}/searches/{search}/gen_{generation}/offspring.json",
        known=earlier("results/{run}/searches/{search}/gen_{number:03d}/hardware.json"),
    output:
        estimates="results/{run}/searches/{search}/gen_{generation}/hardware.json",
    log:
        "results/{run}/logs/estimate_hardware/{search}_gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/estimate_hardware/{search}_gen_{generation}.tsv"
    params:
        **content_of_plugins(ARCHITECTURES),
        family_plugins=content_of_family,
        surrogate=config["hardware"]["surrogate"],
        bit_width=config["hardware"]["bit_width"],
    wildcard_constraints:
        search=ARCHITECTURES,
    threads: of_search("step_threads")
    priority: of_search("priority")
    group:
        GROUP_OF_SEARCH
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


rule select_survivors:
    input:
        network=of_search("network"),
        survivors=earlier("results/{run}/searches/{search}/gen_{number:03d}/survivors.json", last=1),
        offspring="results/{run}/searches/{search}/gen_{generation}/offspring.json",
        trials=of_generations("trials"),
        estimates=of_generations("estimates"),
        # Survivors do not depend on the scale that progress is told on.
        limits=ancient(of_search("limits")),
    output:
        survivors="results/{run}/searches/{search}/gen_{generation}/survivors.json",
    log:
        "results/{run}/logs/select_survivors/{search}_gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/select_survivors/{search}_gen_{generation}.tsv"
    params:
        problem=of_search("problem"),
        candidate=of_search("candidate"),
        search=of_search("proposing"),
        objectives=of_search("objectives"),
        sizes=SIZES,
        seed=of_search("seed"),
        # No output: it grows from run to run, with progress.jsonl beside it, and nothing is lost without them.
        progress="results/{run}/searches/{search}/progress.log",
        plugins=of_search("plugins"),
    threads: of_search("step_threads")
    priority: of_search("priority")
    group:
        GROUP_OF_SEARCH
    resources:
        mem_mb=growing(500),
        runtime=growing(2),
    message:
        "Selecting the survivors of generation {wildcards.generation} of the search {wildcards.search}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/select_survivors.py"


rule collect_trials:
    input:
        offspring=of_generations("offspring", slice(None)),
        trials=of_generations("trials", slice(None)),
        estimates=of_generations("estimates", slice(None)),
        # The last selection, which no later generation asks for, belongs to the record too.
        survivors=of_generations("survivors", slice(-1, None)),
    output:
        trials="results/{run}/searches/{search}/trials.csv",
        pareto="results/{run}/searches/{search}/pareto.csv",
    log:
        "results/{run}/logs/collect_trials/{search}.log",
    benchmark:
        "results/{run}/benchmarks/collect_trials/{search}.tsv"
    params:
        problem=of_search("problem"),
        objectives=of_search("objectives"),
        surrogate=of_search("surrogate"),
        plugins=of_search("plugins"),
    threads: 1
    priority: of_search("priority")
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Collecting all trials of the search {wildcards.search} and their Pareto front"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/collect_trials.py"
