"""Jets of the user's folder."""

from snacpack.data.sources.files import content_of_jets
from snacpack.jets.folders import describe_samples, find_samples


@cache
def users_jets():
    """Files of jets that the user gives, by the split that they are for."""
    return find_samples(config["data"]["files"]["folder"])


def content_of_users_jets(wildcards=None):
    """Return the digest of what the user's files hold, so that a change is noticed whatever their dates are.

    A job, which parses this again, takes over what the process that started it has found.
    """
    return content_of_jets(users_jets(), trust=not workflow.is_main_process)


CONTENT_OF_JETS = {"content": content_of_users_jets}


def raw_jets(wildcards):
    """Files of jets by the split that they are for; what has none is split off the training jets.

    Their content decides, see content_of_users_jets: a date may be older than what was made of another content.
    """
    return {split: [ancient(path) for path in paths] for split, paths in users_jets().items()}


if workflow.is_main_process:
    fractions = {name: config["data"][name] for name in ("validation_fraction", "test_fraction")}
    print(describe_samples(users_jets(), **fractions), file=sys.stderr)
    # Here, where it can show how far it is.
    content_of_users_jets()


include: "jets.smk"
