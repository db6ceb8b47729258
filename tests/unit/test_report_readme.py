"""config/README.md: every key, and those of the compression and the detector with their defaults."""

import re
from collections.abc import Iterator
from dataclasses import asdict

import pytest
import yaml

from helpers import ROOT
from snacpack.jets.detector import Detector

CONFIG = ROOT / "config"


def keys(section: dict, prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}", value


def documented() -> dict[str, str]:
    """Return the default that the README gives for each key of the compression."""
    text = (CONFIG / "README.md").read_text()
    section = text[text.index("### compression\n") : text.index("### synthesis\n")]
    common, search = section.split("\n**search**")
    found = {}
    for prefix, part in (("compression", common), ("compression.search", search)):
        for name, default in re.findall(r"^\| `([\w.]+)` \| (.*?) \|", part, flags=re.MULTILINE):
            found[f"{prefix}.{name}"] = default.strip("`[]")
    return found


def written(value: object) -> set[str]:
    """Return the ways in which the README may write a default."""
    if isinstance(value, list):
        ways = {", ".join(map(str, value))}
        steps = isinstance(value[0], int) and value == list(range(value[0], value[-1] + 1))
        return ways | ({f"{value[0]} to {value[-1]}"} if steps else set())
    return {yaml.safe_dump(value).split("\n")[0]}


DEFAULTS = dict(keys(yaml.safe_load((CONFIG / "config.yaml").read_text())["compression"], "compression"))


def test_readme_knows_every_key_of_the_compression_and_no_other() -> None:
    assert documented().keys() == DEFAULTS.keys()


@pytest.mark.parametrize("key", DEFAULTS)
def test_readme_gives_the_default(key: str) -> None:
    assert documented()[key] in written(DEFAULTS[key])


def allowed(schema: dict) -> Iterator[str]:
    """Yield the names of all keys that a schema allows."""
    for name, value in schema.get("properties", {}).items():
        yield name
        yield from allowed(value)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from allowed(schema["additionalProperties"])


def test_readme_names_every_key() -> None:
    text = (CONFIG / "README.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    sections = re.findall(r"^### (.+)$", text, re.MULTILINE)
    words = [*sections, *(code for line in lines for code in re.findall(r"`([^`]+)`", line))]
    named = {name for code in words for name in re.findall(r"\w+", code)}
    schema = yaml.safe_load((CONFIG / "config.schema.yaml").read_text())
    assert set(allowed(schema)) - named == set()


def test_readme_gives_the_detector() -> None:
    text = (CONFIG / "README.md").read_text()
    section = text[text.index("#### The detector\n") : text.index("### training")]
    found: dict[str, object] = {}
    for names, values in re.findall(r"^\| (`[\w`, ]+`) \| (.*?) \|", section, re.MULTILINE):
        found |= zip(re.findall(r"\w+", names), map(yaml.safe_load, values.split(", ")), strict=True)
    assert found == asdict(Detector())
