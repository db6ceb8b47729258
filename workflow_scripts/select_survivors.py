"""Select NSGA-II's next survivors among the last ones and a generation's trials, and tell how far the search is."""

from snacpack.workflow import start_job

terminal = start_job(snakemake)

from snacpack.files import read_json, write_json
from snacpack.search.hypervolume import reached
from snacpack.search.nsga2 import search_rules
from snacpack.search.progress import SearchProgress
from snacpack.search.records import join_generations

generation = int(snakemake.wildcards.generation)
search = search_rules(snakemake.params.search, snakemake.params.n_inputs, snakemake.params.seed)
earlier = [trial for path in snakemake.input.survivors for trial in read_json(path)["survivors"]]
trials = join_generations(snakemake.input.offspring, snakemake.input.trials, snakemake.input.estimates)
survivors = search.tell(earlier, [trial for trial in trials if trial["generation"] == generation])
write_json({"generation": generation, "survivors": survivors}, snakemake.output.survivors)

# The number of trials is no parameter of the rule: raising it would repeat every generation.
progress = SearchProgress(snakemake.params.progress, snakemake.config["search"], terminal)
progress.generation_finished(generation, **reached(trials, search.objectives, read_json(snakemake.input.limits)))
