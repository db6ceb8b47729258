"""Select NSGA-II's next survivors among the last ones and a generation's trials, and tell how far the search is."""

from snacpack.workflow import start_job

terminal = start_job(snakemake)

from snacpack.architecture import Architecture
from snacpack.files import read_json, write_json
from snacpack.search.hypervolume import reached
from snacpack.search.nsga2 import compression_rules, search_rules
from snacpack.search.progress import SearchProgress, front_range
from snacpack.search.records import best_trials, check_survivors, join_trials, read_survivors

params, config, generation = snakemake.params, snakemake.config, int(snakemake.wildcards.generation)
compresses = snakemake.input.get("architecture")
rules = {**params.search, "objectives": params.objectives}
if compresses:
    architecture = Architecture.from_dict(read_json(snakemake.input.architecture))
    search = compression_rules(rules, architecture, params.seed)
else:
    search = search_rules(rules, params.sizes, params.seed)
before = {"survivors": [], "best": []}
for path in snakemake.input.survivors:
    before = read_survivors(path)
    check_survivors(path, before, search.space)
trials = join_trials(snakemake.input.offspring, snakemake.input.trials, snakemake.input.estimates)
survivors = search.tell(before["survivors"], trials)
best = best_trials([*before["best"], *trials], search.objectives)
record = {"generation": generation, "objectives": list(search.objectives), "survivors": survivors, "best": best}
write_json(record, snakemake.output.survivors)

# The number of trials is no parameter of the rule: raising it would repeat every generation.
if compresses:
    name = f"Compression of {snakemake.wildcards.candidate}"
    progress = SearchProgress(params.progress, config["compression"]["search"], terminal, name=name)
    progress.generation_finished(generation, *front_range(best, search.objectives))
else:
    progress = SearchProgress(params.progress, config["search"], terminal)
    so_far = reached(best, search.objectives, read_json(snakemake.input.limits))
    progress.generation_finished(generation, so_far["best_accuracy"], f"hypervolume {so_far['hypervolume']:.4f}")
