"""Select NSGA-II's next survivors among the last ones and a generation's trials, and tell how far the search is."""

from snacpack.workflow import start_job

terminal = start_job(snakemake)

from snacpack.files import read_json, write_json
from snacpack.search.hypervolume import reached
from snacpack.search.nsga2 import search_rules
from snacpack.search.progress import SearchProgress
from snacpack.search.records import best_trials, join_trials

generation = int(snakemake.wildcards.generation)
search = search_rules(snakemake.params.search, snakemake.params.n_inputs, snakemake.params.seed)
before = read_json(snakemake.input.survivors[0]) if snakemake.input.survivors else {"survivors": [], "best": []}
trials = join_trials(snakemake.input.offspring, snakemake.input.trials, snakemake.input.estimates)
survivors = search.tell(before["survivors"], trials)
best = best_trials([*before["best"], *trials], search.objectives)
write_json({"generation": generation, "survivors": survivors, "best": best}, snakemake.output.survivors)

# The number of trials is no parameter of the rule: raising it would repeat every generation.
progress = SearchProgress(snakemake.params.progress, snakemake.config["search"], terminal)
progress.generation_finished(generation, **reached(best, search.objectives, read_json(snakemake.input.limits)))
