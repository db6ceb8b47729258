"""Configuration files that cannot be read are named before Snakemake reads them, with the line and what helps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from snacpack.config import ConfigError
from snacpack.run.config_files import check_command_line, check_files

ROOT = Path(__file__).parents[3]
BROKEN = {
    "empty": (b"", "my.yaml: it holds no keys"),
    "comments": (b"# nothing\n", "my.yaml: it holds no keys"),
    "null": (b"~\n", "my.yaml: it holds no keys"),
    "tab": (b"run: a\nsearch:\n\ttrials: 8\n", "my.yaml, line 3: a tab stands before the key; YAML wants spaces"),
    "utf-16": ("run: a\n".encode("utf-16"), "my.yaml: its text is encoded as UTF-16; save it as UTF-8"),
    "utf-16 without a mark": ("run: a\n".encode("utf-16-le"), "my.yaml: it holds zero bytes"),
    "utf-32": ("run: a\n".encode("utf-32"), "my.yaml: its text is encoded as UTF-32; save it as UTF-8"),
    "latin-1": (
        "# one\nrun: \xe9\n".encode("latin-1"),
        "my.yaml, line 2: a character is not UTF-8; save the file as UTF-8",
    ),
    "control character": (b"seed: 1\nrun: a\x07\n", "my.yaml, line 2: it holds the control character 0x07"),
    "list": (b"# one\n- a\n- b\n", "my.yaml, line 2: a list stands at its top level; a configuration is a mapping"),
    "text": (b"run\n", "my.yaml, line 1: a single value stands at its top level"),
    "open bracket": (b"run: [a\nseed: 2\n", "my.yaml, line 2, column 5: it is not YAML (expected ',' or ']'"),
    "two colons": (b"run: a: b\n", "my.yaml, line 1, column 7: it is not YAML (mapping values are not allowed here)"),
    "two documents": (b"run: a\n---\nseed: 2\n", "my.yaml, line 2: a second document begins with '---'; keep one"),
    "unknown alias": (b"run: *a\n", "my.yaml, line 1, column 6: it is not YAML (found undefined alias"),
    "code": (b"__use_yte__: true\nrun: ?1 + 1\n", "my.yaml, line 1: __use_yte__ would run code from the file"),
    "tag": (b"run: a\nseed: !!python/name:os.system\n", "my.yaml, line 2: the tag 'tag:yaml.org,2002:python/name:os"),
    "deep": (b"run: " + b"[" * 5000, "my.yaml: it is nested too deeply"),
}


def write(folder, content):
    path = folder / "my.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("content", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_named(tmp_path, content, told):
    with pytest.raises(ConfigError) as error:
        check_files([write(tmp_path, content)])
    heading, line = str(error.value).splitlines()
    assert heading == "the configuration cannot be read:"
    assert line.startswith(f"  {tmp_path}/{told}")


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfrun: a\n", b'{"run": "a"}', b"run: a\r\nseed: 2\r\n", b"{}", b"a: &x {b: &y [*y]}\nc: {<<: *x}\n"],
)
def test_a_sound_file_passes(tmp_path, content):
    check_files([write(tmp_path, content)])


def test_a_name_without_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    write(tmp_path, b"run: a\n")
    names = ["no.yaml", "folder", "my.yaml", "my.yaml/no", "results/quick/report.html"]
    with pytest.raises(SystemExit) as error:
        check_command_line(["--cores", "1", "--configfile", *names, "--config", "seed=2"])
    assert str(error.value).splitlines()[1:] == [
        f"  no.yaml: there is no such file in {tmp_path}; check the name after --configfile",
        "  folder: it is a folder; name the file in it",
        "  my.yaml/no: a part of its path is no folder; check the name after --configfile",
        f"  results/quick/report.html: there is no such file in {tmp_path}; every name after --configfile is taken for "
        "a configuration: write the file that you ask for before it",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config", "seed=2"],
        ["--configfile", "no.yaml", "--configfile", "my.yaml"],
        ["--configfiles=my.yaml", "-n"],
        [],
    ],
)
def test_only_what_snakemake_reads_is_checked(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, b"run: a\n")
    check_command_line(arguments)


def test_a_file_without_the_permission_to_read_it(tmp_path):
    path = write(tmp_path, b"run: a\n")
    path.chmod(0)
    # The tests may run as root, whom no permission stops.
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        with pytest.raises(
            ConfigError, match=r"cannot be read \(Permission denied\); change its permissions \(chmod u\+r"
        ):
            check_files([path])
    finally:
        os.seteuid(user)


def plan(folder, *arguments):
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_snakemake_says_it_and_nothing_else(tmp_path):
    path = write(tmp_path, b"run: [a\nseed: 2\n")
    status, told = plan(ROOT, "--configfile", str(path), "--directory", str(tmp_path))
    assert status == 1
    assert f"{path}, line 2, column 5: it is not YAML" in told
    assert "Traceback" not in told


def test_a_broken_default_is_named(tmp_path):
    for name in ("Snakefile", "rules", "config", "profiles"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "config" / "config.yaml").write_bytes(BROKEN["tab"][0])
    status, told = plan(tmp_path)
    assert status == 1, told
    assert f"{tmp_path}/config/config.yaml, line 3: a tab stands before the key" in told
    assert "Traceback" not in told
