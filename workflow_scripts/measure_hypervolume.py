"""Measure what the search reached after each generation."""

from snacpack.run.workflow import start_job

start_job(snakemake)

import pandas as pd

from snacpack.core.files import read_json, whole_file
from snacpack.report.records import read_trials
from snacpack.search.hypervolume import reached_by_generation

trials, limits = read_trials(snakemake.input.trials, snakemake.params.objectives), read_json(snakemake.input.limits)
records = reached_by_generation(trials.to_dict("records"), snakemake.params.objectives, limits)
with whole_file(snakemake.output.hypervolume) as path:
    pd.DataFrame(records).to_csv(path, index=False)
