"""Jets that are simulated here."""

from snacpack.jets.layout import CLASSES
from snacpack.jets.recipe import NUMBERS_OF_JETS
from snacpack.jets.shards import jets_of_sample

# How jets are simulated; how many, and in which files, decides nothing about a jet.
SIMULATION = {name: value for name, value in config["data"]["pythia"].items() if name not in NUMBERS_OF_JETS}
CONTENT_OF_JETS = {}
# Jets of each simulated file of a split, by class and part.
JETS = {split: jets_of_sample(config["data"]["pythia"], split) for split in ("train", "val")}
# Files of jets by the split that they are for; what has none is split off the training jets.
RAW_JETS = lambda wildcards: {
    role: [f"results/{wildcards.run}/data/simulated/{split}/{jet_class}_{part}.h5" for jet_class, part in JETS[split]]
    for role, split in (("train", "train"), ("test", "val"))
}


rule simulate_jets:
    output:
        jets="results/{run}/data/simulated/{split}/{jet_class}_{part}.h5",
    log:
        "results/{run}/logs/simulate_jets/{split}_{jet_class}_{part}.log",
    benchmark:
        "results/{run}/benchmarks/simulate_jets/{split}_{jet_class}_{part}.tsv"
    params:
        seed=config["seed"],
        n_jets=lambda wildcards: JETS[wildcards.split][wildcards.jet_class, wildcards.part],
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


include: "jets.smk"
