"""The search over a candidate's compressions: the rules of the global search over bits and sparsity."""


use rule propose_offspring as propose_compressions with:
    input:
        architecture="results/{run}/candidates/{candidate}/architecture.json",
        survivors=earlier("results/{run}/candidates/{candidate}/mixed/search/gen_{number:03d}/survivors.json", last=1),
        seen=earlier("results/{run}/candidates/{candidate}/mixed/search/gen_{number:03d}/offspring.json"),
    output:
        offspring="results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/offspring.json",
    log:
        "results/{run}/logs/propose_compressions/{candidate}_gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/propose_compressions/{candidate}_gen_{generation}.tsv"
    params:
        search=search_params(COMPRESSION_SEARCH),
        seed=compression_search_seed,
    threads: 1
    priority: 0
    message:
        "Proposing the compressions of {wildcards.candidate}, generation {wildcards.generation}"


rule compress_trials:
    input:
        jets=DATA_SET,
        warmup="results/{run}/candidates/{candidate}/mixed/warmup.pt",
        offspring="results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/offspring.json",
    output:
        trials="results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/trials_{shard}.json",
        estimates="results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/hardware_{shard}.json",
    log:
        "results/{run}/logs/compress_trials/{candidate}_gen_{generation}_{shard}.log",
    benchmark:
        "results/{run}/benchmarks/compress_trials/{candidate}_gen_{generation}_{shard}.tsv"
    params:
        **LOSS,
        seed=config["seed"],
        epochs=COMPRESSION_SEARCH["epochs"],
        batch_size=config["compression"]["batch_size"],
        n_shards=N_COMPRESSION_SHARDS,
        part=config["synthesis"]["part"],
        clock_period_ns=config["synthesis"]["clock_period_ns"],
        progress="results/{run}/candidates/{candidate}/mixed/search/progress.log",
        **content_of_plugins(COMPRESSIONS),
        **validated_metrics(COMPRESSIONS),
    threads: COMPRESSION_THREADS
    group:
        COMPRESSION_SEARCH_GROUP
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
        gpu=TRAINING_GPUS,
    message:
        "Compressing {wildcards.candidate}, generation {wildcards.generation}, shard {wildcards.shard}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/compress_trials.py"


use rule select_survivors as select_compressions with:
    input:
        architecture="results/{run}/candidates/{candidate}/architecture.json",
        survivors=earlier("results/{run}/candidates/{candidate}/mixed/search/gen_{number:03d}/survivors.json", last=1),
        offspring="results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/offspring.json",
        trials=expand("results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/trials_{shard:02d}.json", shard=range(N_COMPRESSION_SHARDS), allow_missing=True),
        estimates=expand(
            "results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/hardware_{shard:02d}.json", shard=range(N_COMPRESSION_SHARDS), allow_missing=True
        ),
    output:
        survivors="results/{run}/candidates/{candidate}/mixed/search/gen_{generation}/survivors.json",
    log:
        "results/{run}/logs/select_compressions/{candidate}_gen_{generation}.log",
    benchmark:
        "results/{run}/benchmarks/select_compressions/{candidate}_gen_{generation}.tsv"
    params:
        search=search_params(COMPRESSION_SEARCH),
        objectives=COMPRESSION_SEARCH["objectives"],
        seed=compression_search_seed,
        progress="results/{run}/candidates/{candidate}/mixed/search/progress.log",
        **content_of_plugins(COMPRESSIONS),
    threads: 1
    priority: 0
    message:
        "Selecting the compressions of {wildcards.candidate} that survive generation {wildcards.generation}"


# What is inherited without a group would keep that of the other search.
for inherited in ("propose_compressions", "select_compressions"):
    workflow.get_rule(inherited).group = COMPRESSION_SEARCH_GROUP


rule collect_compressions:
    input:
        offspring=expand(
            "results/{run}/candidates/{candidate}/mixed/search/gen_{number:03d}/offspring.json", number=range(N_COMPRESSION_GENERATIONS), allow_missing=True
        ),
        trials=expand(
            "results/{run}/candidates/{candidate}/mixed/search/gen_{number:03d}/trials_{shard:02d}.json",
            number=range(N_COMPRESSION_GENERATIONS),
            shard=range(N_COMPRESSION_SHARDS),
            allow_missing=True,
        ),
        estimates=expand(
            "results/{run}/candidates/{candidate}/mixed/search/gen_{number:03d}/hardware_{shard:02d}.json",
            number=range(N_COMPRESSION_GENERATIONS),
            shard=range(N_COMPRESSION_SHARDS),
            allow_missing=True,
        ),
        # What no later generation asks for: the last selection belongs to the record too.
        survivors=expand("results/{run}/candidates/{candidate}/mixed/search/gen_{number:03d}/survivors.json", number=N_COMPRESSION_GENERATIONS - 1, allow_missing=True),
    output:
        trials="results/{run}/candidates/{candidate}/mixed/search/trials.csv",
        pareto="results/{run}/candidates/{candidate}/mixed/search/pareto.csv",
    log:
        "results/{run}/logs/collect_compressions/{candidate}.log",
    benchmark:
        "results/{run}/benchmarks/collect_compressions/{candidate}.tsv"
    params:
        objectives=COMPRESSION_SEARCH["objectives"],
        **content_of_plugins(COMPRESSIONS),
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Collecting all compressions of {wildcards.candidate} and their Pareto front"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/collect_compressions.py"


rule refine_front:
    input:
        jets=DATA_SET,
        warmup="results/{run}/candidates/{candidate}/mixed/warmup.pt",
        trials="results/{run}/candidates/{candidate}/mixed/search/trials.csv",
        reference=accuracy_reference(COMPRESSION_MIN_ACCURACY),
    output:
        checkpoint="results/{run}/candidates/{candidate}/mixed/refined.pt",
        metrics="results/{run}/candidates/{candidate}/mixed/metrics.csv",
        chosen="results/{run}/candidates/{candidate}/mixed/chosen.json",
    log:
        "results/{run}/logs/refine_front/{candidate}.log",
    benchmark:
        "results/{run}/benchmarks/refine_front/{candidate}.tsv"
    params:
        **LOSS,
        seed=config["seed"],
        min_accuracy=COMPRESSION_MIN_ACCURACY,
        finalists=COMPRESSION_SEARCH["finalists"],
        epochs=COMPRESSION_SEARCH["final_epochs"],
        batch_size=config["compression"]["batch_size"],
        # The first cost is what the circuit shall have least of.
        cost=deciding_cost(COMPRESSION_SEARCH["objectives"]),
        part=config["synthesis"]["part"],
        clock_period_ns=config["synthesis"]["clock_period_ns"],
        **content_of_plugins(COMPRESSIONS),
        **validated_metrics(COMPRESSIONS),
    threads: COMPRESSION_THREADS
    group:
        COMPRESSION_GROUP
    resources:
        mem_mb=growing(3000),
        runtime=growing(240),
        gpu=TRAINING_GPUS,
    message:
        "Training the best compressions of {wildcards.candidate} on, and choosing one"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/refine_front.py"
