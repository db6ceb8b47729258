"""Propose the genomes of a generation from the last survivors, none of them seen before."""

from snacpack.workflow import start_job

start_job(snakemake)

from snacpack.architecture import Architecture
from snacpack.files import read_json, write_json
from snacpack.search.nsga2 import compression_rules, search_rules
from snacpack.search.records import check_survivors, proposals, read_genomes, read_survivors

params, generation = snakemake.params, int(snakemake.wildcards.generation)
before = [read_survivors(path) for path in snakemake.input.survivors]
# Parents are ranked by what they survived by; the first generation is drawn at random, whatever that will be.
rules = {**params.search, "objectives": before[0]["objectives"] if before else ["accuracy"]}
if snakemake.input.get("architecture"):
    architecture = Architecture.from_dict(read_json(snakemake.input.architecture))
    search = compression_rules(rules, architecture, params.seed)
else:
    search = search_rules(rules, params.sizes, params.seed)
for path, record in zip(snakemake.input.survivors, before, strict=True):
    check_survivors(path, record, search.space)
survivors = [trial for record in before for trial in record["survivors"]]
seen = read_genomes(snakemake.input.seen, search.space)
write_json(proposals(search.ask(generation, survivors, seen), search.space, generation), snakemake.output.offspring)
