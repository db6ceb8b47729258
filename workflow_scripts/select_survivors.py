"""Select NSGA-II's next survivors among the last ones and a generation's trials."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import read_json, write_json
from snacpack.search.nsga2 import search_rules
from snacpack.search.records import join_trials

search = search_rules(snakemake.params.search, snakemake.params.n_inputs, snakemake.params.seed)
earlier = [trial for path in snakemake.input.survivors for trial in read_json(path)["survivors"]]
trials = join_trials(snakemake.input.offspring, snakemake.input.trials, snakemake.input.estimates)
survivors = search.tell(earlier, trials)
write_json(
    {"generation": int(snakemake.wildcards.generation), "survivors": survivors},
    snakemake.output.survivors,
)
