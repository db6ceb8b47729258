"""Jets of the user's folder."""

from snacpack.data.sources.files import content_of_jets
from snacpack.jets.folders import describe_samples, find_samples

FOLDER = config["data"]["files"]["folder"]
users_jets = cache(find_samples)
# The digest of what the user's files hold, so that a change is noticed whatever their dates are. A job, which parses this
# again, takes over what the process that started it has found.
CONTENT_OF_JETS = {"content": lambda wildcards: content_of_jets(users_jets(FOLDER), trust=not workflow.is_main_process)}
# Files of jets by the split that they are for; what has none is split off the training jets. Their content decides: a date
# may be older than what was made of another content.
RAW_JETS = lambda wildcards: {split: list(map(ancient, paths)) for split, paths in users_jets(FOLDER).items()}

if workflow.is_main_process:
    fractions = {name: config["data"][name] for name in ("validation_fraction", "test_fraction")}
    print(describe_samples(users_jets(FOLDER), **fractions), file=sys.stderr)
    # Here, where it can show how far it is.
    content_of_jets(users_jets(FOLDER), trust=False)


include: "jets.smk"
