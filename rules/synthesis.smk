"""Circuits of every compressed model: hls4ml project, Verilog, the comparison of all forms, synthesis."""


rule build_hls_project:
    input:
        onnx="results/{run}/candidates/{candidate}/{scheme}/model.onnx",
    output:
        project=directory("results/{run}/synthesis/{candidate}/{scheme}/hls"),
    log:
        "results/{run}/logs/build_hls_project/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/build_hls_project/{candidate}_{scheme}.tsv"
    params:
        **content_of_backend(),
        backend=config["synthesis"]["backend"],
        settings={
            key: config["synthesis"][key] for key in ("part", "clock_period_ns", "io_type", "strategy", "reuse_factor")
        },
    threads: 1
    group:
        CIRCUIT_GROUP
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
    message:
        "Writing and compiling the hls4ml project of {wildcards.candidate} at {wildcards.scheme}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/build_hls_project.py"


rule build_rtl:
    input:
        fixed_point="results/{run}/candidates/{candidate}/{scheme}/fixed_point.json",
    output:
        project=directory("results/{run}/synthesis/{candidate}/{scheme}/rtl"),
    log:
        "results/{run}/logs/build_rtl/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/build_rtl/{candidate}_{scheme}.tsv"
    params:
        part=config["synthesis"]["part"],
        clock_period_ns=config["synthesis"]["clock_period_ns"],
    threads: 1
    group:
        CIRCUIT_GROUP
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    message:
        "Writing Verilog of {wildcards.candidate} at {wildcards.scheme}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/build_rtl.py"


rule verify_model:
    input:
        jets=DATA_SET,
        checkpoint="results/{run}/candidates/{candidate}/{scheme}/compressed.pt",
        fixed_point="results/{run}/candidates/{candidate}/{scheme}/fixed_point.json",
        onnx="results/{run}/candidates/{candidate}/{scheme}/model.onnx",
        hls="results/{run}/synthesis/{candidate}/{scheme}/hls",
        rtl="results/{run}/synthesis/{candidate}/{scheme}/rtl",
    output:
        verification="results/{run}/synthesis/{candidate}/{scheme}/verification.json",
    log:
        "results/{run}/logs/verify_model/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/verify_model/{candidate}_{scheme}.tsv"
    params:
        family_plugins=content_of_family,
        n_jets=config["synthesis"]["n_verification_jets"],
        n_rtl_jets=config["synthesis"]["n_rtl_jets"],
    threads: 1
    group:
        CIRCUIT_GROUP
    resources:
        mem_mb=growing(3000),
        runtime=growing(60),
    message:
        "Comparing all forms of {wildcards.candidate} at {wildcards.scheme} with the trained network"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/verify_model.py"


rule synthesize_model:
    input:
        hls="results/{run}/synthesis/{candidate}/{scheme}/hls",
        rtl="results/{run}/synthesis/{candidate}/{scheme}/rtl",
        verification="results/{run}/synthesis/{candidate}/{scheme}/verification.json",
    output:
        report="results/{run}/synthesis/{candidate}/{scheme}/report.json",
        tool_reports=directory("results/{run}/synthesis/{candidate}/{scheme}/reports"),
    log:
        "results/{run}/logs/synthesize_model/{candidate}_{scheme}.log",
    benchmark:
        "results/{run}/benchmarks/synthesize_model/{candidate}_{scheme}.tsv"
    params:
        **content_of_backend(),
        part=config["synthesis"]["part"],
        available=config["synthesis"]["available"],
        clock_period_ns=config["synthesis"]["clock_period_ns"],
    threads: SYNTHESIS_THREADS
    group:
        CIRCUIT_GROUP
    resources:
        mem_mb=growing(6000),
        runtime=growing(int(config["synthesis"]["timeout_minutes"]) + 20),
    message:
        "Synthesising {wildcards.candidate} at {wildcards.scheme}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/synthesize_model.py"


rule collect_placed_report:
    input:
        project="results/{run}/synthesis/{candidate}/{scheme}/{project}",
    output:
        report="results/{run}/synthesis/{candidate}/{scheme}/placed_{project}.json",
    log:
        "results/{run}/logs/collect_placed_report/{candidate}_{scheme}_{project}.log",
    benchmark:
        "results/{run}/benchmarks/collect_placed_report/{candidate}_{scheme}_{project}.tsv"
    wildcard_constraints:
        project="rtl|hls",
    params:
        reports=content_of_vendor_reports,
    threads: 1
    resources:
        mem_mb=500,
        runtime="10m",
    message:
        "Collecting what Vivado placed and routed in the {wildcards.project} project of {wildcards.candidate}"
    conda:
        "../envs/environment.yaml"
    script:
        "../workflow_scripts/collect_placed_report.py"
