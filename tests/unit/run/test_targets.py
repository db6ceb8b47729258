"""A file of another run is asked for: the command is told which configuration is missing."""

import pytest

from snacpack.run.targets import check_targets


@pytest.mark.parametrize(
    "command",
    [
        "results/paper/report.html",
        "--cores 2 --configfile my.yaml -- results/quick/x.csv results/paper/tables/table2.csv",
    ],
)
def test_a_file_of_another_run_is_told(command):
    with pytest.raises(RuntimeError, match=r"is a file of the run 'paper', .* of the run 'quick': .*--configfile"):
        check_targets("quick", command.split())


@pytest.mark.parametrize(
    "command",
    [
        "--cores 2",
        "results/quick/report.html --cores 2",
        "all --cores 2",
        "--report results/paper/report.html",
        "--directory results/other/folder results/quick/report.html",
        "--configfile results/paper/my.yaml -n",
        "my.yaml",
    ],
)
def test_other_commands_go_on(command):
    check_targets("quick", command.split())
