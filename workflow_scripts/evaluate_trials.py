"""Train one shard of a generation; a trial that fails is recorded with its reason."""

from snacpack.run.workflow import start_job

terminal = start_job(snakemake)

from snacpack.core.files import write_json
from snacpack.problems import Evaluation, find_problem
from snacpack.search.progress import SearchProgress
from snacpack.training.losses import Loss
from snacpack.training.recipe import Machine, Recipe

params, config = snakemake.params, snakemake.config
generation, shard = int(snakemake.wildcards.generation), int(snakemake.wildcards.shard)
problem = find_problem(params.problem)
trials = problem.read(snakemake.input.offspring)[shard :: params.n_shards]
progress = SearchProgress(params.progress, problem.section(config), terminal, name=problem.title(params.candidate))
progress.shard_started(generation, shard, [number for number, _ in trials])
evaluation = Evaluation(
    data_set=snakemake.input.jets,
    validated=params,
    seed=params.seed,
    recipe=Recipe(**params.training, loss=Loss(**params.get("loss", {}))),
    class_weights=params.get("class_weights"),
    # Not among the parameters: a search that began on a GPU may go on on a CPU.
    machine=Machine(config["training"]["device"], snakemake.threads),
    start=snakemake.input.start or None,
    candidate=params.candidate,
    target=params.target,
    on_result=lambda record: progress.trials_finished(generation, [record]),
)
write_json(problem.evaluate(trials, evaluation), snakemake.output.trials)
