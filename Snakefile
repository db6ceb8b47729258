"""From jets to a table of FPGA numbers: search, compression and synthesis of trigger networks."""

from snakemake.utils import min_version

min_version("9.0")


configfile: f"{workflow.basedir}/config/config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/global_search.smk"
include: "rules/local_search.smk"
include: "rules/compression_search.smk"
include: "rules/synthesis.smk"
include: "rules/report.smk"


rule all:
    input:
        report=f"results/{config['run']}/report.html",
        tables=expand("results/{run}/tables/table{number}.csv", run=config["run"], number=[1, 2, 3]),
    default_target: True


onsuccess:
    if Path(f"results/{config['run']}/report.html").exists():
        print(f"\nThe report is results/{config['run']}/report.html: open it in a browser.")
        print(f"Its tables are in results/{config['run']}/tables.")


onerror:
    print("\nA job failed: its error stands above, and in the log that it names. What was finished is kept;")
    print("mend the cause and start the same command again, it goes on from there.")
