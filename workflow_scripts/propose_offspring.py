"""Propose the genomes of a generation from the last survivors, none of them seen before."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.architecture import Architecture
from snacpack.files import read_json, write_json
from snacpack.search.nsga2 import compression_rules, search_rules
from snacpack.search.records import proposals

params, generation = snakemake.params, int(snakemake.wildcards.generation)
if snakemake.input.get("architecture"):
    architecture = Architecture.from_dict(read_json(snakemake.input.architecture))
    search = compression_rules(params.search, architecture, params.seed)
else:
    search = search_rules(params.search, params.n_inputs, params.seed)
survivors = [trial for path in snakemake.input.survivors for trial in read_json(path)["survivors"]]
seen = [trial["genome"] for path in snakemake.input.seen for trial in read_json(path)["trials"]]
write_json(proposals(search.ask(generation, survivors, seen), search.space, generation), snakemake.output.offspring)
