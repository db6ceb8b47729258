"""Write what was estimated of every circuit before synthesis beside what was counted: a table and a figure."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.core.files import read_json
from snacpack.figures.style import save_figure
from snacpack.hardware.surrogate import Surrogate
from snacpack.networks.integers import FixedPointNetwork
from snacpack.report.estimators import (
    ESTIMATE_FORMATS,
    draw_run_estimates,
    estimate_rows,
    estimate_table,
    rule4ml_of_models,
)
from snacpack.report.records import by_scheme, in_model_order, model_and_scheme, model_names, read_trials
from snacpack.report.writing import write_table

inputs, params = snakemake.input, snakemake.params
selected, circuits = read_json(inputs.selected), by_scheme(inputs.circuits)
surrogate = Surrogate(**params.surrogate)
rule4ml = rule4ml_of_models(inputs.references, read_trials(inputs.trials), selected, params.references)
networks = {model_and_scheme(path): FixedPointNetwork.load(path) for path in inputs.fixed_points}
order = in_model_order(circuits, model_names(params.references, selected), params.schemes)
rows = estimate_rows(order, circuits, networks, rule4ml, surrogate)
table = estimate_table(rows, [circuit["tool"] for circuit in circuits.values() if circuit["tool"]], surrogate)
write_table(rows, ESTIMATE_FORMATS, table, snakemake.output)
save_figure(draw_run_estimates(rows), [snakemake.output.png, snakemake.output.svg])
