"""The checked configuration and the names of things, which all rules share."""

import json
import re
import sys
from functools import cache
from pathlib import Path

from snacpack.config import complete_config
from snacpack.costs.registry import (
    ARCHITECTURES,
    COMPRESSIONS,
    deciding_cost,
    extra_costs,
    plugin_digests,
    validated,
)
from snacpack.data.sources import describe_source, find_source
from snacpack.core.inputs import content_digest
from snacpack.networks.registry import plugin_digests as digests_of_families
from snacpack.core.plugins import use_plugins
from snacpack.report.projections import projections
from snacpack.core.seeds import derive_seed
from snacpack.synthesis.registry import REGISTRY as BACKENDS
from snacpack.tasks.registry import find_task
from snacpack.tasks.registry import REGISTRY as TASKS
from snacpack.tasks.registry import task_params
from snacpack.tasks.task import NUMBERS, RECONSTRUCTION

# Jobs parse this file again, each in its own process: one check before the first of them is enough.
if workflow.is_main_process:
    from snacpack.config import ConfigError, configuration_warnings, validate_config
    from snacpack.run.failures import FailedJobs
    from snacpack.core.files import check_writable
    from snacpack.run.locks import Claim
    from snacpack.core.places import settle
    from snacpack.run.clocks import check_times
    from snacpack.run.preflight import Unready, check_machine, needs_of
    from snacpack.run.targets import check_targets
    from snacpack.search.progress import announce_start
    from snacpack.core.versions import announce_code
    from snakemake.exceptions import WorkflowError
    from snakemake.io import is_flagged
    from snakemake.logging import logger

    failed_jobs = FailedJobs()
    logger.addHandler(failed_jobs)
    try:
        settle()
    except OSError as error:
        raise WorkflowError(str(error)) from None
    try:
        validate_config(config, workflow.configfiles)
    except ConfigError as error:
        raise WorkflowError(f"{' with '.join(map(str, workflow.configfiles))}: {error}") from None
    try:
        check_targets(config["run"])
        check_writable(".snakemake")
    except (OSError, RuntimeError) as error:
        raise WorkflowError(str(error)) from None
    for warning in configuration_warnings(config):
        logger.warning(f"Warning: {warning}.")
    claim = Claim()
    if claim.released:
        print("The last run here was killed; this run continues from there.", file=sys.stderr)
    for other in claim.others:
        print(other, file=sys.stderr)
    announce_start()
    announce_code()

# As it was given, for whoever wants to repeat the run.
GIVEN = dict(config)
# A job, which parses this again without the check, knows them too.
use_plugins(config["plugins"])
config.update(complete_config(config))

REFERENCES = list(config["references"])
N_GENERATIONS = config["search"]["trials"] // config["search"]["population"]
N_SHARDS = config["search"]["shards"]
# Without the device: what began on one goes on on the other, and repeats nothing.
TRAINING = {name: config["training"][name] for name in ("epochs", "batch_size")}
# workflow.cores raises where no number is given: for --unlock, --report, or a cluster. A cluster's job, which parses this
# again on its own machine, must come to the same numbers of threads.
LOCAL_CORES = workflow.resource_settings.cores if workflow.is_main_process else None
CORES = LOCAL_CORES or 16
# A thread trains one network at a time: more than a shard has networks would idle.
CORES_OF_A_SHARD = max(1, CORES // N_SHARDS) if LOCAL_CORES else CORES
TRAINING_THREADS = min(-(-config["search"]["population"] // N_SHARDS), CORES_OF_A_SHARD)
# Candidates wait for the search, so it goes first. On one machine its small jobs reserve all cores: a long job of the
# references that began between two trainings would keep the next one waiting.
SEARCH_PRIORITY = 10
# Nothing takes longer than a search over compressions and what follows it, so circuits that are ready wait for it.
COMPRESSION_SEARCH_PRIORITY = 5
SEARCH_THREADS = LOCAL_CORES or 1
COMPRESSION_METHODS = config["compression"]["method"]
COMPRESSION_METHODS = [COMPRESSION_METHODS] if isinstance(COMPRESSION_METHODS, str) else COMPRESSION_METHODS
MAGNITUDE_SCHEMES = config["compression"]["schemes"] if "magnitude" in COMPRESSION_METHODS else []
SCHEMES = MAGNITUDE_SCHEMES + (["mixed"] if "search" in COMPRESSION_METHODS else [])
COMPRESSION_SEARCH = config["compression"]["search"]
# A reference without any compressed form would have no place in the tables.
SEARCHES_REFERENCES = "mixed" in SCHEMES and (COMPRESSION_SEARCH["references"] or not MAGNITUDE_SCHEMES)
REFERENCE_SCHEMES = MAGNITUDE_SCHEMES + (["mixed"] if SEARCHES_REFERENCES else [])
COMPRESSION_MIN_ACCURACY = COMPRESSION_SEARCH["min_score"]
if COMPRESSION_MIN_ACCURACY is None:
    COMPRESSION_MIN_ACCURACY = config["selection"]["min_score"]
N_COMPRESSION_GENERATIONS = COMPRESSION_SEARCH["trials"] // COMPRESSION_SEARCH["population"]
N_COMPRESSION_SHARDS = COMPRESSION_SEARCH["shards"]
# The networks are compressed side by side: a search alone would leave cores idle while its job starts.
N_COMPRESSION_SEARCHES = config["selection"]["max_candidates"] + SEARCHES_REFERENCES * len(REFERENCES)
CORES_OF_A_COMPRESSION_SHARD = CORES
if LOCAL_CORES:
    CORES_OF_A_COMPRESSION_SHARD = max(1, CORES // (N_COMPRESSION_SHARDS * N_COMPRESSION_SEARCHES))
COMPRESSION_THREADS = min(-(-COMPRESSION_SEARCH["population"] // N_COMPRESSION_SHARDS), CORES_OF_A_COMPRESSION_SHARD)
# Several models are synthesised side by side: a job that waits for all cores of a small machine leaves some idle.
SYNTHESIS_THREADS = min(8, max(1, CORES // 4))
SOURCE = find_source(config["data"]["source"])
DATA_SET = f"results/{{run}}/data/{SOURCE.data_set}.h5"
# The one origin of the number of inputs and of classes.
DATA_INFO = describe_source(config, trust=not workflow.is_main_process)
TASK = find_task(config["task"]["name"])
# The task's name and options decide its numbers and figures: a parameter of the rules that measure.
TASK_PARAMS = task_params(config["task"])
# The content of the plugin that holds the task, as content_of_plugins has that of objectives.
TASK_PLUGIN = TASKS.digest_of(TASK.name, trust=not workflow.is_main_process)
TASK_PLUGIN = {"task_plugins": TASK_PLUGIN} if TASK_PLUGIN else {}
# The same for rules that tell a score and train: a plugin's metric measures numbers, and correct classes are counted.
SCORE_PLUGIN = TASK_PLUGIN if TASK.targets in (NUMBERS, RECONSTRUCTION) else {}
# The content of the plugins that hold families of networks, by the family.
FAMILY_PLUGINS = digests_of_families(config, trust=not workflow.is_main_process)
SEARCHED_FAMILY = config["search"]["space"]["family"]
# Parameters of the rules that train, none for cross-entropy.
LOSS = dict(TASK.loss(TASK_PARAMS["options"]))
LOSS = {"loss": LOSS} if LOSS else {}
if config["training"]["class_weights"] is not None:
    LOSS["class_weights"] = config["training"]["class_weights"]
PICTURES = [picture.name for picture in TASK.pictures]
SIZES = TASK.sizes(DATA_INFO)
# The score of a guess, from which the hypervolume is measured; that of the workflow's own tasks does not change.
GUESS = {"guess": TASK.guess(SIZES["n_outputs"])} if TASK_PLUGIN else {}
# The word for them, a parameter of every rule whose figure or caption has it.
EXAMPLES = DATA_INFO.examples

# Figures of the search over architectures.
FRONTS = [projection.name for projection in projections(config["search"]["objectives"])]


TRAINING_GPUS = 1 if config["training"]["device"] == "cuda" else 0


def growing(amount):
    """Return a resource that asks for more after each failure: a job may have run out of memory or time."""
    return lambda wildcards, attempt: attempt * amount


def together(name, *parts):
    """Return the group of jobs that a cluster runs as one: those of seconds, and what follows on each other.

    There are groups where the profile's group-components name them, so that a plain run knows none.
    """

    def group(wildcards):
        if name in workflow.group_settings.group_components:
            # A job without a scheme of its own belongs to the search over all, "mixed".
            return "_".join([name, *(wildcards.get(part, "mixed") for part in parts)])

    return group


def generations_together(name):
    """Return the group of as many generations of a search as the profile's group-components say."""

    def group(wildcards):
        size = workflow.group_settings.group_components.get(name)
        if size:
            # The network that a search over compressions starts from goes with its first generation.
            search = wildcards.get("search") or f"{COMPRESSIONS}-{wildcards.candidate}"
            return f"{name}_{search}_{int(wildcards.get('generation', 0)) // size}"

    return group


# Shards are there to be trained on different machines, so what is between them is done by Snakemake's own. A rule has
# groups or runs there for all its jobs: several shards of one search leave the other without groups too.
SHARDED = N_SHARDS > 1 or ("mixed" in SCHEMES and N_COMPRESSION_SHARDS > 1)
SEARCH_GROUP = None if SHARDED else generations_together("search")
COMPRESSION_SEARCH_GROUP = None if SHARDED else generations_together("compression_search")
PREPARATION_GROUP = together("preparation")


def group_of_training(wildcards):
    """The reference that candidates are chosen by is trained as soon as there are jets, the candidates together."""
    wanted = wildcards.candidate == config["selection"]["min_score"]
    return (PREPARATION_GROUP if wanted else together("candidates"))(wildcards)


def group_of_warm_up(wildcards):
    """A search's own starting network is made with its first generations."""
    group = COMPRESSION_SEARCH_GROUP if wildcards.scheme == "mixed" else COMPRESSION_GROUP
    return group and group(wildcards)


COMPRESSION_GROUP = together("compression", "candidate", "scheme")
CIRCUIT_GROUP = together("circuit", "candidate", "scheme")


# Done where Snakemake runs, because it takes seconds; what is in a group is submitted with it all the same.
localrules:
    propose_trials,
    estimate_hardware,
    select_survivors,
    estimate_references,
    estimate_limits,
    collect_trials,
    measure_hypervolume,
    select_candidates,
    describe_candidate,
    collect_placed_report,
    tabulate_space,
    tabulate_circuits,
    draw_hypervolume,
    draw_pruning_curves,
    draw_compression_fronts,
    compare_estimates,
    write_provenance,
    write_report,


wildcard_constraints:
    run=re.escape(config["run"]),
    # One over architectures, and one over the compressions of each network.
    search=rf"{ARCHITECTURES}|{COMPRESSIONS}-[a-z0-9][a-z0-9_-]*",
    generation=r"\d\d\d+",
    shard=r"\d\d+",
    candidate=r"[a-z0-9][a-z0-9_-]*",
    scheme=r"w\d+a\d+(i\d+)?|mixed",
    iteration=r"\d{2}",


def selected(wildcards):
    """Names of the candidates, known once the search is done."""
    chosen = checkpoints.select_candidates.get(run=wildcards.run).output.selected
    return [candidate["name"] for candidate in json.loads(Path(chosen).read_text())["candidates"]]


def models(wildcards):
    """Names of all models that go through compression and synthesis, references first."""
    return REFERENCES + selected(wildcards)


def per_model(pattern, schemes=None, **names):
    """Return an input function that fills in every model, and its schemes; ``names`` are other wildcards' values.

    Without ``schemes`` these are all, or none where the pattern has no scheme.
    """

    def files(wildcards):
        wanted = SCHEMES if schemes is None else schemes
        pairs = [(model, scheme) for model in REFERENCES for scheme in wanted if scheme in REFERENCE_SCHEMES]
        pairs += [(model, scheme) for model in selected(wildcards) for scheme in wanted]
        if schemes is None and "{scheme}" not in pattern:
            pairs = [(model, None) for model in models(wildcards)]
        filled = [
            expand(pattern, run=wildcards.run, candidate=model, scheme=scheme, **names) for model, scheme in pairs
        ]
        return [path for paths in filled for path in paths]

    # Models become known behind the checkpoint; these files are asked for before it.
    files.patterns = [pattern]
    return files


def content_of_vendor_reports(wildcards):
    """What Vivado said where the user ran it: of a project that was copied back, the dates may be older."""
    from snacpack.synthesis.placed import vendor_reports

    project = f"results/{wildcards.run}/synthesis/{wildcards.candidate}/{wildcards.scheme}/{wildcards.project}"
    there = tuple(report for report in vendor_reports(project) if report.is_file())
    return content_digest((("reports", there),), trust=not workflow.is_main_process)


def check_run():
    """Try what the jobs to come depend on, before the first of them."""
    run = f"results/{config['run']}"
    # The dates of ancient inputs and of the configuration decide nothing.
    inputs = [path for job in workflow.dag.jobs for path in job.input if not is_flagged(path, "ancient")]
    known = [path for path in map(str, inputs) if Path(path).exists()]
    outside = [path for path in known if not Path(path).is_relative_to(run)]
    try:
        check_writable(run)
        check_times(run, outside)
    except (OSError, RuntimeError) as error:
        raise WorkflowError(str(error)) from None
    try:
        check_machine(needs_of(rules_to_run(), config), run, lambda line: print(line, file=sys.stderr, flush=True))
    except Unready as error:
        if workflow.local_exec:
            raise WorkflowError(str(error)) from None
        # The machines of a cluster may have what this one lacks: each job tries it where it runs.
        print(f"This machine lacks something that the machines of the jobs may have: {error}", file=sys.stderr)


def spare_the_scheduler():
    """Let the scheduler sleep until a job ends: on one machine, Snakemake's default of 100 jobs a second limits nothing.

    For this limit it also looks for jobs once a second, and once more for each time that it has looked before for another
    reason. In a run of 200 jobs these looks take a tenth of the processor time.
    """
    limiter = getattr(workflow.scheduler, "job_rate_limiter", None)
    if workflow.local_exec and limiter and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def rules_to_run():
    """Names of the rules of all jobs that are to run, and of those that are known only behind a checkpoint."""
    jobs = list(workflow.dag.needrun_jobs())
    found = {job.rule.name for job in jobs}
    behind = [job.rule for job in jobs if job.incomplete_input_expand]
    wildcard = re.compile(r"\{[^}]*\}")
    makers = [
        (re.compile("[^/]+".join(map(re.escape, wildcard.split(str(pattern))))), rule)
        for rule in workflow.rules
        for pattern in rule.output
    ]
    visited = set()
    while behind:
        current = behind.pop()
        if current.name in visited:
            continue
        visited.add(current.name)
        for source in current.input:
            for pattern in getattr(source, "patterns", [] if callable(source) else [str(source)]):
                made = wildcard.sub("x", pattern)
                behind += [rule for output, rule in makers if output.fullmatch(made)]
    return found | visited


def problem_of(wildcards):
    """Return the problem that a search solves, :data:`ARCHITECTURES` or :data:`COMPRESSIONS`."""
    return wildcards.search.partition("-")[0]


def candidate_of(wildcards):
    """Return the network whose compressions a search tries, None for the search over architectures."""
    return wildcards.search.partition("-")[2] or None


def of_search(name):
    """Return a function of the wildcards for what the searches differ in, a key of :data:`SEARCHES`."""

    def value(wildcards):
        found = SEARCHES[problem_of(wildcards)][name]
        return found(wildcards) if callable(found) else found

    return value


def of_candidate(pattern):
    """Return an input function for a file of the network whose compressions a search tries."""
    return lambda wildcards: pattern.format(run=wildcards.run, candidate=candidate_of(wildcards))


def of_generations(kind, numbers=None):
    """Return an input function for a search's files of one kind.

    ``kind`` is trials, estimates, or the name of a file that each generation has one of. They are those of the job's own
    generation, or of all that the slice ``numbers`` takes.
    """

    def files(wildcards):
        search = SEARCHES[problem_of(wildcards)]
        names = {
            "trials": [f"trials_{shard:02d}" for shard in range(search["n_shards"])],
            "estimates": search["estimates"],
        }.get(kind, [kind])
        generations = range(search["n_generations"])[numbers] if numbers else [int(wildcards.generation)]
        folder = f"results/{wildcards.run}/searches/{wildcards.search}"
        return [f"{folder}/gen_{number:03d}/{name}.json" for number in generations for name in names]

    return files


def earlier(pattern, last=None):
    """Return an input function for the files of the generations before one, all or the ``last`` few."""

    def files(wildcards):
        numbers = range(int(wildcards.generation))
        known = dict(wildcards.items())
        return expand(pattern, **known, number=numbers if last is None else numbers[-last:])

    return files


def proposing(section):
    """Return the settings that decide which trials are proposed.

    Their number does not decide it, and objectives only by what survives.
    """
    names = ("method", "population", "crossover_probability", "mutation_probability", "space")
    return {name: section[name] for name in names}


@cache
def digests_of_plugins(search):
    """Return the digests of a search's plugins; a job, which parses this again, takes over those of the start."""
    return plugin_digests(search, trust=not workflow.is_main_process)


def content_of_plugins(*searches):
    """Return the content of the plugins' objectives as a parameter of rules, so that a change repeats what uses them.

    Without plugins there is no such parameter, and a run that knew none yet is not repeated. A job compares these digests
    of the start with the files that it uses.
    """
    digests = {name: digest for search in searches for name, digest in digests_of_plugins(search).items()}
    return {"plugins": digests} if digests else {}


def content_of_families(*families):
    """Return the content of the plugins of some families of networks, or of all that are named."""
    wanted = families or FAMILY_PLUGINS
    return {name: digest for name, digest in FAMILY_PLUGINS.items() if name in wanted}


def content_of_family(wildcards):
    """Return the content of the plugin of a job's network, or of those that its search builds: a parameter of rules."""
    candidate = candidate_of(wildcards) if wildcards.get("search") else wildcards.candidate
    reference = config["references"].get(candidate)
    return content_of_families(reference["family"] if reference else SEARCHED_FAMILY)


def content_of_backend():
    """Return the content of the plugin that holds the backend as a parameter of rules, as content_of_plugins does."""
    digests = BACKENDS.digest_of(config["synthesis"]["backend"], trust=not workflow.is_main_process)
    return {"backend_plugins": digests} if digests else {}


def optimised_costs(search):
    """Return the costs that a table or figure has beside its usual ones as a parameter, none where there are none."""
    section = {ARCHITECTURES: config["search"], COMPRESSIONS: COMPRESSION_SEARCH}[search]
    costs = extra_costs(search, section["objectives"])
    return {"costs": costs} if costs else {}


def validated_metrics(search):
    """Return what a search optimises of its trials' outputs as a parameter of what trains them, none without such."""
    section = {ARCHITECTURES: config["search"], COMPRESSIONS: COMPRESSION_SEARCH}[search]
    names = validated(search, section["objectives"])
    return {"validated": {"names": names, "task": TASK_PARAMS}, **TASK_PLUGIN} if names else {}


def accuracy_reference(wanted):
    """The trained reference that sets an accuracy asked for, if one does."""
    return f"results/{{run}}/candidates/{wanted}/float.json" if isinstance(wanted, str) else []


def architecture_source(wildcards):
    """Return the file with a model's architecture, the search's choice; references stand in the config."""
    if wildcards.candidate in REFERENCES:
        return []
    return checkpoints.select_candidates.get(run=wildcards.run).output.selected


def previous_checkpoint(wildcards):
    """Return the checkpoint that an iteration of pruning goes on from: the one before it, the warm-up for the first."""
    previous = int(wildcards.iteration) - 1
    name = f"prune_{previous:02d}.pt" if previous else "warmup.pt"
    return f"results/{wildcards.run}/candidates/{wildcards.candidate}/{wildcards.scheme}/{name}"


def all_checkpoints(wildcards):
    """The warm-up and every iteration of pruning, in order; of a search the network that it chose."""
    folder = f"results/{wildcards.run}/candidates/{wildcards.candidate}/{wildcards.scheme}"
    if wildcards.scheme == "mixed":
        return [f"{folder}/refined.pt"]
    iterations = range(1, config["compression"]["iterations"] + 1)
    return [f"{folder}/warmup.pt", *(f"{folder}/prune_{iteration:02d}.pt" for iteration in iterations)]


all_checkpoints.patterns = [
    f"results/{{run}}/candidates/{{candidate}}/{{scheme}}/{name}"
    for name in ("refined.pt", "warmup.pt", "prune_{iteration}.pt")
]

# The searches differ in these: values, or functions of the wildcards.
SEARCHES = {
    ARCHITECTURES: {
        "problem": ARCHITECTURES,
        "candidate": None,
        "network": [],
        "start": [],
        "limits": lambda wildcards: f"results/{wildcards.run}/searches/architectures/limits.json",
        "estimates": ["hardware"],
        "n_generations": N_GENERATIONS,
        "n_shards": N_SHARDS,
        "proposing": proposing(config["search"]),
        "objectives": config["search"]["objectives"],
        "seed": config["seed"],
        "training": TRAINING,
        "target": None,
        "surrogate": config["hardware"]["surrogate"],
        "threads": TRAINING_THREADS,
        "step_threads": SEARCH_THREADS,
        "priority": SEARCH_PRIORITY,
        "group": SEARCH_GROUP,
    },
    COMPRESSIONS: {
        "problem": COMPRESSIONS,
        "candidate": candidate_of,
        "network": of_candidate("results/{run}/candidates/{candidate}/architecture.json"),
        "start": of_candidate("results/{run}/candidates/{candidate}/mixed/warmup.pt"),
        "limits": [],
        # A trial's cost is in its results.
        "estimates": [],
        "n_generations": N_COMPRESSION_GENERATIONS,
        "n_shards": N_COMPRESSION_SHARDS,
        "proposing": proposing(COMPRESSION_SEARCH),
        "objectives": COMPRESSION_SEARCH["objectives"],
        # Every network has a search of its own.
        "seed": lambda wildcards: derive_seed(config["seed"], "compression", candidate_of(wildcards)),
        "training": {"epochs": COMPRESSION_SEARCH["epochs"], "batch_size": config["compression"]["batch_size"]},
        "target": {name: config["synthesis"][name] for name in ("part", "clock_period_ns")},
        "surrogate": None,
        "threads": COMPRESSION_THREADS,
        "step_threads": 1,
        "priority": COMPRESSION_SEARCH_PRIORITY,
        "group": COMPRESSION_SEARCH_GROUP,
    },
}
for problem, search in SEARCHES.items():
    plugins = content_of_plugins(problem).get("plugins", {})
    validated_by = validated_metrics(problem)
    search |= {
        "plugins": plugins,
        # Objectives of architectures are functions of what is not trained.
        "plugins_of_trials": plugins if problem == COMPRESSIONS else {},
        "validated": validated_by.get("validated"),
        "task_plugins": validated_by.get("task_plugins", {}),
    }
# A function in the place of None would send steps of seconds to a cluster as jobs of their own.
GROUP_OF_SEARCH = None if SHARDED else of_search("group")
