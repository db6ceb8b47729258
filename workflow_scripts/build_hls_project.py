"""Turn a compressed model into an hls4ml project and compile its C simulation."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.synthesis.hls import HlsSettings, build_hls_project
from snacpack.synthesis.placed import write_hls_script
from snacpack.synthesis.registry import choose_backend

backend = choose_backend(snakemake.params.backend).name
build_hls_project(snakemake.input.onnx, snakemake.output.project, backend, HlsSettings(**snakemake.params.settings))
write_hls_script(snakemake.output.project)
