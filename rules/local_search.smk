"""Compression of every candidate: quantisation-aware training, then pruning, one job per iteration."""


rule warm_up_candidate:
    input:
        jets=DATA_SET,
        architecture="results/{run}/candidates/{candidate}/architecture.json",
    output:
        checkpoint="results/{run}/candidates/{candidate}/{scheme}/warmup.pt",
    log:
        "results/{run}/logs/warm_up_candidate/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/warm_up_candidate/{candidate}_{scheme}.tsv"
    params:
        **LOSS,
        family_plugins=content_of_family,
        seed=config["seed"],
        # A search's trials start from a network that is trained for longer.
        epochs=lambda wildcards: (
            COMPRESSION_SEARCH["warmup_epochs"]
            if wildcards.scheme == "mixed"
            else config["compression"]["warmup_epochs"]
        ),
        precision=lambda wildcards: COMPRESSION_SEARCH["start"] if wildcards.scheme == "mixed" else wildcards.scheme,
        batch_size=config["compression"]["batch_size"],
    threads: 1
    priority: COMPRESSION_SEARCH_PRIORITY
    group:
        group_of_warm_up
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
        gpu=TRAINING_GPUS,
    message:
        "Warming up {wildcards.candidate} at {wildcards.scheme}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/warm_up_candidate.py"


rule prune_candidate:
    input:
        jets=DATA_SET,
        architecture="results/{run}/candidates/{candidate}/architecture.json",
        warmup="results/{run}/candidates/{candidate}/{scheme}/warmup.pt",
        previous=previous_checkpoint,
    output:
        checkpoint="results/{run}/candidates/{candidate}/{scheme}/prune_{iteration}.pt",
    log:
        "results/{run}/logs/prune_candidate/{candidate}_{scheme}_{iteration}.log",
    benchmark:
        "results/{run}/benchmarks/prune_candidate/{candidate}_{scheme}_{iteration}.tsv"
    params:
        **LOSS,
        family_plugins=content_of_family,
        seed=config["seed"],
        pruned_per_iteration=config["compression"]["pruned_per_iteration"],
        epochs=config["compression"]["epochs_per_iteration"],
        batch_size=config["compression"]["batch_size"],
    threads: 1
    group:
        COMPRESSION_GROUP
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
        gpu=TRAINING_GPUS,
    message:
        "Pruning {wildcards.candidate} at {wildcards.scheme}, iteration {wildcards.iteration}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/prune_candidate.py"


rule summarise_compression:
    input:
        checkpoints=all_checkpoints,
    output:
        metrics="results/{run}/candidates/{candidate}/{scheme}/metrics.csv",
        chosen="results/{run}/candidates/{candidate}/{scheme}/chosen.json",
    wildcard_constraints:
        scheme=r"w\d+a\d+(i\d+)?",
    log:
        "results/{run}/logs/summarise_compression/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/summarise_compression/{candidate}_{scheme}.tsv"
    params:
        target_sparsity=config["compression"]["target_sparsity"],
        max_accuracy_loss=config["compression"]["max_accuracy_loss"],
    threads: 1
    group:
        COMPRESSION_GROUP
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    message:
        "Choosing the pruning iteration of {wildcards.candidate} at {wildcards.scheme}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/summarise_compression.py"


rule evaluate_compressed:
    input:
        jets=DATA_SET,
        chosen="results/{run}/candidates/{candidate}/{scheme}/chosen.json",
        checkpoints=all_checkpoints,
    output:
        checkpoint="results/{run}/candidates/{candidate}/{scheme}/compressed.pt",
        result="results/{run}/candidates/{candidate}/{scheme}/compressed.json",
        fixed_point="results/{run}/candidates/{candidate}/{scheme}/fixed_point.json",
        onnx="results/{run}/candidates/{candidate}/{scheme}/model.onnx",
    log:
        "results/{run}/logs/evaluate_compressed/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/evaluate_compressed/{candidate}_{scheme}.tsv"
    params:
        **SCORE_PLUGIN,
        family_plugins=content_of_family,
    threads: 1
    group:
        COMPRESSION_GROUP
    resources:
        mem_mb=growing(2500),
        runtime=growing(20),
    message:
        "Measuring {wildcards.candidate} at {wildcards.scheme} on the test sample"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/evaluate_compressed.py"


rule refine_front:
    input:
        jets=DATA_SET,
        warmup="results/{run}/candidates/{candidate}/mixed/warmup.pt",
        trials="results/{run}/searches/compressions-{candidate}/trials.csv",
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
        **content_of_plugins(COMPRESSIONS),
        **validated_metrics(COMPRESSIONS),
        family_plugins=content_of_family,
        seed=config["seed"],
        min_accuracy=COMPRESSION_MIN_ACCURACY,
        finalists=COMPRESSION_SEARCH["finalists"],
        epochs=COMPRESSION_SEARCH["final_epochs"],
        batch_size=config["compression"]["batch_size"],
        # The first cost is what the circuit shall have least of.
        cost=deciding_cost(COMPRESSION_SEARCH["objectives"]),
        part=config["synthesis"]["part"],
        clock_period_ns=config["synthesis"]["clock_period_ns"],
    threads: COMPRESSION_THREADS
    priority: COMPRESSION_SEARCH_PRIORITY
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
