"""Tables, figures and the report of a run."""


rule tabulate_space:
    output:
        csv=report(
            "results/{run}/tables/table1.csv", caption="captions/table1.rst", category="Tables", labels={"table": "1"}
        ),
        markdown="results/{run}/tables/table1.md",
        html="results/{run}/tables/table1.html",
    log:
        "results/{run}/logs/tabulate_space/table1.log",
    benchmark:
        "results/{run}/benchmarks/tabulate_space/table1.tsv"
    params:
        space=config["search"]["space"],
    threads: 1
    resources:
        mem_mb=500,
        runtime="10m",
    message:
        "Writing table 1: the search space"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/tabulate_space.py"


rule tabulate_networks:
    input:
        jets=DATA_SET,
        references="results/{run}/references/hardware.csv",
        trials="results/{run}/searches/architectures/trials.csv",
        selected="results/{run}/candidates/selected.json",
        trained=per_model("results/{run}/candidates/{candidate}/float.json"),
    output:
        csv=report(
            "results/{run}/tables/table2.csv", caption="captions/table2.rst", category="Tables", labels={"table": "2"}
        ),
        markdown="results/{run}/tables/table2.md",
        html="results/{run}/tables/table2.html",
    log:
        "results/{run}/logs/tabulate_networks/table2.log",
    benchmark:
        "results/{run}/benchmarks/tabulate_networks/table2.tsv"
    params:
        **optimised_costs(ARCHITECTURES),
        **content_of_plugins(ARCHITECTURES),
        **TASK_PLUGIN,
        references=REFERENCES,
        examples=EXAMPLES,
        surrogate=config["hardware"]["surrogate"],
        bit_width=config["hardware"]["bit_width"],
    threads: 1
    group:
        together("candidates")
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
        in_turn=1,
    message:
        "Writing table 2: score and estimated cost of the float networks"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/tabulate_networks.py"


rule tabulate_circuits:
    input:
        jets=DATA_SET,
        selected="results/{run}/candidates/selected.json",
        compressed=per_model("results/{run}/candidates/{candidate}/{scheme}/compressed.json"),
        circuits=per_model("results/{run}/synthesis/{candidate}/{scheme}/report.json"),
    output:
        csv=report(
            "results/{run}/tables/table3.csv", caption="captions/table3.rst", category="Tables", labels={"table": "3"}
        ),
        markdown="results/{run}/tables/table3.md",
        html="results/{run}/tables/table3.html",
    log:
        "results/{run}/logs/tabulate_circuits/table3.log",
    benchmark:
        "results/{run}/benchmarks/tabulate_circuits/table3.tsv"
    params:
        **TASK_PLUGIN,
        references=REFERENCES,
        examples=EXAMPLES,
        schemes=SCHEMES,
        part=config["synthesis"]["part"],
    threads: 1
    resources:
        mem_mb=500,
        runtime="10m",
    message:
        "Writing table 3: the compressed networks as circuits"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/tabulate_circuits.py"


rule draw_fronts:
    input:
        references="results/{run}/references/hardware.csv",
        trials="results/{run}/searches/architectures/trials.csv",
        selected="results/{run}/candidates/selected.json",
        trained=per_model("results/{run}/candidates/{candidate}/float.json"),
    output:
        png=expand("results/{{run}}/figures/{name}.png", name=FRONTS),
        svg=report(
            expand("results/{{run}}/figures/{name}.svg", name=FRONTS),
            caption="captions/fronts.rst",
            category="Search",
        ),
    log:
        "results/{run}/logs/draw_fronts/fronts.log",
    benchmark:
        "results/{run}/benchmarks/draw_fronts/fronts.tsv"
    params:
        **content_of_plugins(ARCHITECTURES),
        references=REFERENCES,
        examples=EXAMPLES,
        objectives=config["search"]["objectives"],
    threads: 1
    group:
        together("candidates")
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
        in_turn=1,
    message:
        "Drawing the fronts of the search"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/draw_fronts.py"


rule draw_hypervolume:
    input:
        hypervolume="results/{run}/searches/architectures/hypervolume.csv",
    output:
        png="results/{run}/figures/hypervolume.png",
        svg=report("results/{run}/figures/hypervolume.svg", caption="captions/hypervolume.rst", category="Search"),
    log:
        "results/{run}/logs/draw_hypervolume/hypervolume.log",
    benchmark:
        "results/{run}/benchmarks/draw_hypervolume/hypervolume.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Drawing what the search reached after each generation"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/draw_hypervolume.py"


rule draw_training_curves:
    input:
        trained=per_model("results/{run}/candidates/{candidate}/float.json"),
    output:
        png="results/{run}/figures/training_curves.png",
        svg=report(
            "results/{run}/figures/training_curves.svg", caption="captions/training_curves.rst", category="Training"
        ),
    log:
        "results/{run}/logs/draw_training_curves/training_curves.log",
    benchmark:
        "results/{run}/benchmarks/draw_training_curves/training_curves.tsv"
    params:
        examples=EXAMPLES,
    threads: 1
    group:
        together("candidates")
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
        in_turn=1,
    message:
        "Drawing the training of the float networks"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/draw_training_curves.py"


rule draw_pruning_curves:
    input:
        trained=per_model("results/{run}/candidates/{candidate}/float.json"),
        metrics=per_model("results/{run}/candidates/{candidate}/{scheme}/metrics.csv", MAGNITUDE_SCHEMES),
        chosen=per_model("results/{run}/candidates/{candidate}/{scheme}/chosen.json", MAGNITUDE_SCHEMES),
    output:
        png="results/{run}/figures/pruning_curves.png",
        svg=report(
            "results/{run}/figures/pruning_curves.svg", caption="captions/pruning_curves.rst", category="Compression"
        ),
    log:
        "results/{run}/logs/draw_pruning_curves/pruning_curves.log",
    benchmark:
        "results/{run}/benchmarks/draw_pruning_curves/pruning_curves.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Drawing the score against sparsity"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/draw_pruning_curves.py"


rule draw_compression_fronts:
    input:
        trained=per_model("results/{run}/candidates/{candidate}/float.json"),
        trials=per_model("results/{run}/searches/compressions-{candidate}/trials.csv", ["mixed"]),
        metrics=per_model("results/{run}/candidates/{candidate}/{scheme}/metrics.csv", ["mixed"]),
        chosen=per_model("results/{run}/candidates/{candidate}/{scheme}/chosen.json", ["mixed"]),
        compressed=per_model("results/{run}/candidates/{candidate}/{scheme}/compressed.json"),
        circuits=per_model("results/{run}/synthesis/{candidate}/{scheme}/report.json"),
    output:
        png="results/{run}/figures/compression_fronts.png",
        svg=report(
            "results/{run}/figures/compression_fronts.svg",
            caption="captions/compression_fronts.rst",
            category="Compression",
        ),
    log:
        "results/{run}/logs/draw_compression_fronts/compression_fronts.log",
    benchmark:
        "results/{run}/benchmarks/draw_compression_fronts/compression_fronts.tsv"
    params:
        **optimised_costs(COMPRESSIONS),
        **content_of_plugins(COMPRESSIONS),
        references=REFERENCES,
        examples=EXAMPLES,
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Drawing what the searches over compressions found"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/draw_compression_fronts.py"


rule compare_estimates:
    input:
        references="results/{run}/references/hardware.csv",
        trials="results/{run}/searches/architectures/trials.csv",
        selected="results/{run}/candidates/selected.json",
        fixed_points=per_model("results/{run}/candidates/{candidate}/{scheme}/fixed_point.json"),
        circuits=per_model("results/{run}/synthesis/{candidate}/{scheme}/report.json"),
    output:
        csv=report(
            "results/{run}/tables/estimates.csv",
            caption="captions/estimates_table.rst",
            category="Tables",
            labels={"table": "estimates"},
        ),
        markdown="results/{run}/tables/estimates.md",
        html="results/{run}/tables/estimates.html",
        png="results/{run}/figures/estimates.png",
        svg=report("results/{run}/figures/estimates.svg", caption="captions/estimates.rst", category="Hardware"),
    log:
        "results/{run}/logs/compare_estimates/estimates.log",
    benchmark:
        "results/{run}/benchmarks/compare_estimates/estimates.tsv"
    params:
        references=REFERENCES,
        schemes=SCHEMES,
        surrogate=config["hardware"]["surrogate"],
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Writing estimates beside what synthesis counted"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/compare_estimates.py"


rule measure_compressed:
    input:
        jets=DATA_SET,
        fixed_point="results/{run}/candidates/{candidate}/{scheme}/fixed_point.json",
    output:
        measured="results/{run}/candidates/{candidate}/{scheme}/performance.json",
        png=expand("results/{{run}}/figures/{picture}_{{candidate}}_{{scheme}}.png", picture=PICTURES),
        svg=report(
            expand("results/{{run}}/figures/{picture}_{{candidate}}_{{scheme}}.svg", picture=PICTURES),
            caption="captions/performance.rst",
            category="Compression",
            labels={"model": "{candidate}", "scheme": "{scheme}"},
        ),
    log:
        "results/{run}/logs/measure_compressed/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/measure_compressed/{candidate}_{scheme}.tsv"
    params:
        **TASK_PLUGIN,
        task=TASK_PARAMS,
        seed=config["seed"],
        examples=EXAMPLES,
    threads: 1
    group:
        COMPRESSION_GROUP
    resources:
        mem_mb=growing(2000),
        runtime=growing(10),
    message:
        "Measuring and drawing {wildcards.candidate} at {wildcards.scheme}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/measure_compressed.py"


rule write_report:
    input:
        jets=DATA_SET,
        references="results/{run}/references/hardware.csv",
        trials="results/{run}/searches/architectures/trials.csv",
        selected="results/{run}/candidates/selected.json",
        trained=per_model("results/{run}/candidates/{candidate}/float.json"),
        metrics=per_model("results/{run}/candidates/{candidate}/{scheme}/metrics.csv"),
        chosen=per_model("results/{run}/candidates/{candidate}/{scheme}/chosen.json"),
        compressed=per_model("results/{run}/candidates/{candidate}/{scheme}/compressed.json"),
        fixed_points=per_model("results/{run}/candidates/{candidate}/{scheme}/fixed_point.json"),
        circuits=per_model("results/{run}/synthesis/{candidate}/{scheme}/report.json"),
        verified=per_model("results/{run}/synthesis/{candidate}/{scheme}/verification.json"),
        data_card="results/{run}/figures/data_card.png",
        hypervolume="results/{run}/figures/hypervolume.svg",
        training_curves="results/{run}/figures/training_curves.svg",
        # A run leaves out the figures of a way of compression that it does not take.
        pruning_curves="results/{run}/figures/pruning_curves.svg" if MAGNITUDE_SCHEMES else [],
        compression_fronts="results/{run}/figures/compression_fronts.svg" if "mixed" in SCHEMES else [],
        compression_trials=per_model(
            "results/{run}/searches/compressions-{candidate}/trials.csv", ["mixed"] if "mixed" in SCHEMES else []
        ),
        estimates="results/{run}/figures/estimates.svg",
        fronts=expand("results/{{run}}/figures/{name}.png", name=FRONTS),
        measured=per_model("results/{run}/candidates/{candidate}/performance.json"),
        measured_compressed=per_model("results/{run}/candidates/{candidate}/{scheme}/performance.json"),
        pictures=per_model("results/{run}/figures/{picture}_{candidate}_{scheme}.svg", picture=PICTURES),
        # Known without the search, so that the references need not wait for it; all is among the inputs above.
        early=expand(
            "results/{{run}}/synthesis/{candidate}/{scheme}/{name}.json",
            candidate=REFERENCES,
            scheme=REFERENCE_SCHEMES,
            name=["report", "verification"],
        ),
    output:
        page=report("results/{run}/report.html", caption="captions/report.rst", category="Report"),
    log:
        "results/{run}/logs/write_report/report.log",
    benchmark:
        "results/{run}/benchmarks/write_report/report.tsv"
    params:
        **content_of_plugins(ARCHITECTURES, COMPRESSIONS),
        **TASK_PLUGIN,
        config=config,
        task=TASK_PARAMS,
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Writing the report of run {wildcards.run}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/write_report.py"


rule write_provenance:
    input:
        jets=DATA_SET,
        table1="results/{run}/tables/table1.csv",
        table2="results/{run}/tables/table2.csv",
        table3="results/{run}/tables/table3.csv",
        estimates="results/{run}/tables/estimates.csv",
        references="results/{run}/references/hardware.csv",
        trials="results/{run}/searches/architectures/trials.csv",
        selected="results/{run}/candidates/selected.json",
        architectures=per_model("results/{run}/candidates/{candidate}/architecture.json"),
        trained=per_model("results/{run}/candidates/{candidate}/float.json"),
        chosen=per_model("results/{run}/candidates/{candidate}/{scheme}/chosen.json"),
        checkpoints=per_model("results/{run}/candidates/{candidate}/{scheme}/compressed.pt"),
        compressed=per_model("results/{run}/candidates/{candidate}/{scheme}/compressed.json"),
        fixed_points=per_model("results/{run}/candidates/{candidate}/{scheme}/fixed_point.json"),
        onnx=per_model("results/{run}/candidates/{candidate}/{scheme}/model.onnx"),
        circuits=per_model("results/{run}/synthesis/{candidate}/{scheme}/report.json"),
        verified=per_model("results/{run}/synthesis/{candidate}/{scheme}/verification.json"),
    output:
        provenance="results/{run}/provenance.json",
        config="results/{run}/config.yaml",
    log:
        "results/{run}/logs/write_provenance/provenance.log",
    benchmark:
        "results/{run}/benchmarks/write_provenance/provenance.tsv"
    params:
        **content_of_plugins(ARCHITECTURES, COMPRESSIONS),
        config=GIVEN,
        references=REFERENCES,
        logs="results/{run}/logs",
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    message:
        "Writing down where the numbers of run {wildcards.run} come from"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/write_provenance.py"
