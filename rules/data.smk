"""The data set: its source's rules make it ready for the networks, and the data card shows it."""


include: SOURCE.rules


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
