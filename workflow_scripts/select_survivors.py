"""Select NSGA-II's next survivors among the last ones and a generation's trials, and tell how far the search is."""

from snacpack.run.workflow import start_job

terminal = start_job(snakemake)

from snacpack.core.files import read_json, write_json
from snacpack.networks.architecture import Architecture
from snacpack.problems import find_problem
from snacpack.search.hypervolume import reached
from snacpack.search.progress import SearchProgress, front_range
from snacpack.search.records import best_trials, check_survivors, join_trials, read_survivors

params, generation = snakemake.params, int(snakemake.wildcards.generation)
problem = find_problem(params.problem)
network = Architecture.from_dict(read_json(snakemake.input.network)) if snakemake.input.network else None
search = problem.search({**params.search, "objectives": params.objectives}, params.seed, params.sizes, network)
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
section = problem.section(snakemake.config)
progress = SearchProgress(params.progress, section, terminal, name=problem.title(params.candidate))
if snakemake.input.limits:
    so_far = reached(best, search.objectives, read_json(snakemake.input.limits))
    progress.generation_finished(generation, so_far["best_accuracy"], f"hypervolume {so_far['hypervolume']:.4f}")
else:
    progress.generation_finished(generation, *front_range(best, search.objectives))
