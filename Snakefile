"""From jets to a table of FPGA numbers: search, compression and synthesis of trigger networks."""

import logging
import time

from snacpack.run.surroundings import check_surroundings
from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

# Before anything is imported that may come from elsewhere.
if workflow.is_main_process:
    try:
        check_surroundings(workflow.basedir)
    except RuntimeError as error:
        raise WorkflowError(str(error)) from None

from snacpack.config import ConfigError
from snacpack.run.config_files import check_files

min_version("9.0")

# On a full disk, Snakemake's own log would complain after every line of the terminal.
logging.raiseExceptions = False
STARTED_AT = time.time()

# The profile checks the files of --configfile. Snakemake's own error about the file below would not name it.
if workflow.is_main_process:
    try:
        check_files([f"{workflow.basedir}/config/config.yaml"])
    except ConfigError as error:
        raise WorkflowError(str(error)) from None


configfile: f"{workflow.basedir}/config/config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/search.smk"
include: "rules/global_search.smk"
include: "rules/local_search.smk"
include: "rules/synthesis.smk"
include: "rules/report.smk"


rule all:
    input:
        report=f"results/{config['run']}/report.html",
        tables=expand("results/{run}/tables/table{number}.csv", run=config["run"], number=[1, 2, 3]),
        provenance=f"results/{config['run']}/provenance.json",
    default_target: True


onstart:
    check_run()
    spare_the_scheduler()
    claim.start(on_this_machine=workflow.local_exec)


onsuccess:
    page = Path(f"results/{config['run']}/report.html")
    # Not where another file was asked for.
    if page.exists() and page.stat().st_mtime >= STARTED_AT:
        print(f"\nThe report is results/{config['run']}/report.html: open it in a browser.")
        print(f"Its tables are in results/{config['run']}/tables.")


onerror:
    print(f"\nWhat failed, and why:\n{failed_jobs.summary()}\n")
    print(
        "Finished results are kept. Mend the cause and start the same command again: the run continues from there."
    )
