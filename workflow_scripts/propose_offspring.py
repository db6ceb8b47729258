"""Propose the networks of a generation from the last survivors, none of them seen before."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.files import read_json, write_json
from snacpack.search.nsga2 import search_rules
from snacpack.search.records import proposals

generation = int(snakemake.wildcards.generation)
search = search_rules(snakemake.params.search, snakemake.params.n_inputs, snakemake.params.seed)
survivors = [trial for path in snakemake.input.survivors for trial in read_json(path)["survivors"]]
seen = [trial["genome"] for path in snakemake.input.seen for trial in read_json(path)["trials"]]
write_json(proposals(search.ask(generation, survivors, seen), search.space, generation), snakemake.output.offspring)
