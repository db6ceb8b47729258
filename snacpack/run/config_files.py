"""Checking that configuration files can be read, before Snakemake reads them.

Snakemake loads the files of ``--configfile`` before it looks at the Snakefile, and its errors about them name neither
the file nor the line. The profile in ``profiles/default`` is what it reads still earlier, so the check is called there.
"""

import argparse
import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from snacpack.config import ConfigError

# The longer marks come first: that of UTF-32 begins like that of UTF-16.
_OTHER_ENCODINGS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
# YAML's safe reader resolves these two and handles them by other means than a constructor.
_RESOLVED_TAGS = ("tag:yaml.org,2002:merge", "tag:yaml.org,2002:value")
_MAPPING = "a configuration is a mapping, with lines such as 'run: mine'"


def check_command_line(arguments: Sequence[str] | None = None) -> None:
    """Check the files that a ``snakemake`` command names after ``--configfile``.

    Parameters
    ----------
    arguments
        The command's arguments, those of this process by default.

    Raises
    ------
    SystemExit
        If a file cannot be read; the message names each such file, the line and what helps.
    """
    # Without abbreviations, or --config would be taken for --configfile. The last --configfile counts, as in Snakemake.
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", dest="files", nargs="*", default=[])
    given, _ = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    try:
        check_files(given.files)
    except ConfigError as error:
        raise SystemExit(str(error)) from None


def check_files(paths: Iterable[str | Path]) -> None:
    """Check that files are YAML or JSON with a mapping in them.

    Raises
    ------
    ConfigError
        If one is not; the message names each such file, the line and what helps.
    """
    problems = [f"{path}{problem}" for path in paths for problem in _problems(Path(path))]
    if problems:
        listed = "\n  ".join(problems)
        raise ConfigError(f"the configuration cannot be read:\n  {listed}")


def _problems(path: Path) -> Iterator[str]:
    """Yield what stands after the file's name in an error."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        yield f": there is no such file in {os.getcwd()}; {_advice_on_name(path)}"
    except IsADirectoryError:
        yield ": it is a folder; name the file in it"
    except NotADirectoryError:
        yield ": a part of its path is no folder; check the name after --configfile"
    except OSError as error:
        yield f": it cannot be read ({error.strerror}); change its permissions (chmod u+r) or name another file"
    else:
        yield from _content_problems(content)


def _advice_on_name(path: Path) -> str:
    if path.parts[:1] == ("results",):
        return "every name after --configfile is taken for a configuration: write the file that you ask for before it"
    return "check the name after --configfile"


def _content_problems(content: bytes) -> Iterator[str]:
    for mark, encoding in _OTHER_ENCODINGS.items():
        if content.startswith(mark):
            yield f": its text is encoded as {encoding}; save it as UTF-8"
            return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        yield f", line {_line(content, error.start)}: a character is not UTF-8; save the file as UTF-8"
        return
    if "\0" in text:
        yield ": it holds zero bytes, so it is no text or has another encoding; save it as text in UTF-8"
        return
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = _line(text, error.position)
        yield f", line {line}: it holds the control character {error.character:#04x}; take it out"
    except yaml.MarkedYAMLError as error:
        yield _describe_syntax(error, text)
    except RecursionError:
        yield ": it is nested too deeply; take brackets out"
    else:
        yield from _node_problems(node)


def _line(text: str | bytes, position: int) -> int:
    return text.count("\n" if isinstance(text, str) else b"\n", 0, position) + 1


def _describe_syntax(error: yaml.MarkedYAMLError, text: str) -> str:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return f": it is not YAML ({error.problem}); mend it"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return f", line {mark.line + 1}: a tab stands before the key; YAML wants spaces"
    if "single document" in (error.context or ""):
        return f", line {mark.line + 1}: a second document begins with '---'; keep one"
    began = f", in what begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    return f", line {mark.line + 1}, column {mark.column + 1}: it is not YAML ({error.problem}{began}); mend it"


def _node_problems(node: yaml.Node | None) -> Iterator[str]:
    if node is None or node.tag == "tag:yaml.org,2002:null":
        yield f": it holds no keys; {_MAPPING}"
    elif not isinstance(node, yaml.MappingNode):
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        yield f", line {node.start_mark.line + 1}: {kind} stands at its top level; {_MAPPING}"
    else:
        for key, _ in node.value:
            if key.value == "__use_yte__":
                # Snakemake would run the expressions in the file as Python.
                yield f", line {key.start_mark.line + 1}: __use_yte__ would run code from the file; take it out"
        yield from _tag_problems(node, set())


def _tag_problems(node: yaml.Node, seen: set[int]) -> Iterator[str]:
    """Find tags, which can stand for objects of Python. An anchor can stand in many places, itself included."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if node.tag not in yaml.SafeLoader.yaml_constructors and node.tag not in _RESOLVED_TAGS:
        yield f", line {node.start_mark.line + 1}: the tag {node.tag!r} has no meaning here; take it out"
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            for child in pair:
                yield from _tag_problems(child, seen)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _tag_problems(child, seen)
