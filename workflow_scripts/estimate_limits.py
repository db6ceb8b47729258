"""Estimate what the networks of the search space cost at most: the scale of the hypervolume."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import write_json
from snacpack.hardware.costs import estimate_costs
from snacpack.hardware.surrogate import Surrogate
from snacpack.search.hypervolume import limiting_architectures, search_limits
from snacpack.search.space import SearchSpace

space = SearchSpace.from_config(snakemake.params.space, **snakemake.params.sizes)
surrogate = Surrogate(**snakemake.params.surrogate)
costs = estimate_costs(limiting_architectures(space), surrogate, snakemake.params.bit_width)
write_json(search_limits(space, costs), snakemake.output.limits)
