"""Comments and docstrings begin with their subject, as the documentation does."""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import ROOT

LATE_SUBJECT = re.compile(r"(?:^|[.!?:]\s)\W*(Of|What|Who|Whatever|Where) [a-z]", re.MULTILINE)
C_COMMENT = re.compile(r"//[^\n]*(?:\n[ \t]*//[^\n]*)*")


def sources() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    kinds = (".py", ".smk", ".h", ".cpp", "Snakefile", "Makefile", ".ci/run", "pyproject.toml")
    return [ROOT / name for name in listed if name.endswith(kinds) and "fixtures" not in name]


def passages(text: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the words of each comment and each docstring."""
    if name.endswith((".h", ".cpp")):
        for match in C_COMMENT.finditer(text):
            words = re.sub(r"^\s*//+ ?", "", match.group(), flags=re.MULTILINE)
            yield text.count("\n", 0, match.start()) + 1, words
    elif name.endswith(".py"):
        yield from python_comments(text)
        for node in ast.walk(ast.parse(text)):
            for part in getattr(node, "body", []) if isinstance(getattr(node, "body", []), list) else []:
                if (
                    isinstance(part, ast.Expr)
                    and isinstance(part.value, ast.Constant)
                    and type(part.value.value) is str
                ):
                    yield part.lineno, re.sub(r"^[ \t]+", "", part.value.value, flags=re.MULTILINE)
    else:
        # Snakemake's language and others: docstrings of one line, and comments.
        for match in re.finditer(r'^\s*"""(.*)|^\s*#((?:[^\n]*\n\s*#)*[^\n]*)', text, re.MULTILINE):
            words = re.sub(r"\n\s*#", " ", match.group(1) or match.group(2) or "").strip()
            yield text.count("\n", 0, match.start()) + 1, words


def python_comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield blocks of comment lines: a sentence may go on in the next line."""
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            if block and token.start[0] != last + 1:
                yield start, " ".join(block)
                block = []
            start = token.start[0] if not block else start
            block.append(token.string.lstrip("# "))
            last = token.start[0]
    if block:
        yield start, " ".join(block)


def late(words: str) -> list[str]:
    """Return the beginnings of sentences, and of paragraphs, that name their subject late or not at all."""
    joined = re.sub(r"(?<!\n)\n(?!\n)(?![A-Z`*-])", " ", words)
    return [joined[match.start() : match.start() + 60].strip() for match in LATE_SUBJECT.finditer(joined)]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_comments_begin_with_their_subject(path):
    found = [f"line {line}: {words}" for line, text in passages(path.read_text(), path.name) for words in late(text)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("# Of each layer.\nx = 1\n", "a.py"),
        ("# It is so. What\n# follows is not.\n", "a.py"),
        (
            'def f():\n    """Return it.\n\n    Parameters\n    ----------\n    x\n        Where it is.\n    """\n',
            "a.py",
        ),
        ('x = 1\n"""What it is."""\n', "a.py"),
        ("// Whatever comes.\nint x;\n", "a.h"),
        ('"""What all share."""\n', "a.smk"),
        ("# Who has it has it.\nrule:\n", "Makefile"),
    ],
)
def test_a_late_subject_is_found(text, name):
    assert [words for _, passage in passages(text, name) for words in late(passage)]


@pytest.mark.parametrize(
    "text", ["# It says what follows.\n", "# The place\n# Where stands\n", "x = 'What follows'\n", "# Offers of x.\n"]
)
def test_a_subject_in_its_place_is_left_alone(text):
    assert not [words for _, passage in passages(text, "a.py") for words in late(passage)]
