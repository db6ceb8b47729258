"""Jets of the published data set, downloaded."""

CONTENT_OF_JETS = {}
# Folders of jets by the split that they are for; what has none is split off the training jets.
RAW_JETS = lambda wildcards: {
    role: f"results/{wildcards.run}/data/downloaded/{split}" for role, split in (("train", "train"), ("test", "val"))
}


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


include: "jets.smk"
