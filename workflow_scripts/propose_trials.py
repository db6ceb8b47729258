"""Propose the genomes of a generation from the last survivors, none of them seen before."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json, write_json
from snacpack.networks.architecture import Architecture
from snacpack.problems import find_problem
from snacpack.search.records import check_survivors, proposals, read_genomes, read_survivors

params, generation = snakemake.params, int(snakemake.wildcards.generation)
before = [read_survivors(path) for path in snakemake.input.survivors]
# Parents are ranked by what they survived by; the first generation is drawn at random, whatever that will be.
settings = {**params.search, "objectives": before[0]["objectives"] if before else ["accuracy"]}
network = Architecture.from_dict(read_json(snakemake.input.network)) if snakemake.input.network else None
search = find_problem(params.problem).search(settings, params.seed, params.sizes, network)
for path, record in zip(snakemake.input.survivors, before, strict=True):
    check_survivors(path, record, search.space)
survivors = [trial for record in before for trial in record["survivors"]]
seen = read_genomes(snakemake.input.seen, search.space)
write_json(proposals(search.ask(generation, survivors, seen), search.space, generation), snakemake.output.offspring)
