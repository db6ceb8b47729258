"""Download one archive of the published data set and unpack its verified files."""

from snacpack.run.workflow import start_job

start_job(snakemake)

from snacpack.jets.download import download_jets

params = snakemake.params
archive = params.archive
download_jets(
    f"{params.url.rstrip('/')}/{archive['name']}",
    archive=f"{params.archives}/{archive['name']}",
    folder=snakemake.output.folder,
    md5=archive["md5"],
    n_bytes=archive["bytes"],
)
