"""The words of a type: what messages and tables say of the values that a key may have."""

from typing import Annotated, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from snacpack.config.keys import EACH_ONCE, Says, Section, fill, former_keys, key, section
from snacpack.config.problems import key_problems
from snacpack.config.wording import allowed, flow, plain


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "a whole number"),
        (Annotated[int, Field(ge=1)], "a whole number from 1"),
        (Annotated[int, Field(ge=1, le=150)], "a whole number from 1 to 150"),
        (Annotated[float, Field(gt=0)], "a number above 0"),
        (Annotated[float, Field(gt=0, lt=1)], "a number between 0 and 1, both excluded"),
        (Annotated[float, Field(ge=0, lt=1)], "a number from 0 and below 1"),
        (Annotated[float, Field(gt=0, le=1.5)], "a number above 0 and at most 1.5"),
        (bool, "true or false"),
        (Literal["a", "b", "c"], "a, b or c"),
        (bool | None, "true or false or null"),
        (Annotated[str, Says("a folder")] | None, "a folder or null"),
        (Annotated[list[bool], Field(min_length=1)], "a list of one or more values, each true or false"),
        (
            Annotated[list[int], Field(min_length=3), EACH_ONCE],
            "a list of 3 or more different values, each a whole number",
        ),
        (Annotated[list[str], Field(min_length=1, max_length=64)], "a list of 1 to 64 values, each text"),
        (list[int] | None, "a list of values, each a whole number, or null"),
    ],
)
def test_words_follow_from_the_type(annotation, words):
    assert allowed(annotation) == words


def test_words_for_messages_have_no_marks_of_a_page():
    assert plain("one of the [backends](#backends), or `auto`") == "one of the backends, or auto"


# Their size is bounded: large ones take so long to draw on a busy machine that hypothesis gives up.
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)


@given(st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4), max_leaves=8))
def test_a_value_in_one_line_is_the_value(value):
    written = flow(value)
    assert "\n" not in written
    assert yaml.safe_load(written) == value


class Inner(Section):
    """A section in another."""

    size: Annotated[int, Field(ge=1)] = key(3, "size of the thing", formerly="length")
    names: Annotated[list[str], EACH_ONCE] = key([], "names of its parts")


class Outer(Section):
    """A section."""

    inner: Inner = section(Inner, "the thing")
    other: Annotated[Inner, Says("a section with keys of another")] = key({}, "what differs of another")
    needed: bool = key(..., "whether it is needed")


def test_a_section_is_filled_with_copies_of_its_defaults():
    given = {"needed": True, "inner": {"size": 5}}
    filled = fill(Outer, given)
    assert filled == {"inner": {"size": 5, "names": []}, "other": {}, "needed": True}
    filled["inner"]["names"].append("a")
    assert fill(Outer, given)["inner"]["names"] == []
    assert given == {"needed": True, "inner": {"size": 5}}


def test_a_former_name_is_known_by_its_path():
    assert former_keys(Outer) == {"inner.length": "inner.size"}


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        ({"needed": True}, {}),
        ({"needed": True, "other": {"size": 1}}, {}),
        ({}, {(): "needed is missing; give it a value, see config/README.md"}),
        (
            {"need": 1},
            {
                (): "needed is missing; give it a value, see config/README.md; unknown key 'need'; known are inner, "
                "needed, other"
            },
        ),
        (
            {"needed": 1, "inner": {"size": True}},
            {
                ("inner", "size"): "True is not allowed; expected: size of the thing; a whole number from 1",
                ("needed",): "1 is not allowed; expected: whether it is needed; true or false",
            },
        ),
        (
            {"needed": False, "other": {"b": 1, "a": 2}, "inner": None},
            {
                ("other",): "unknown key 'a', 'b'; known are names, size",
                ("inner",): "it is empty; give a value, or remove the line to use the default",
            },
        ),
        (
            {"needed": True, "inner": {"names": ["a", "b", "a"]}, "other": []},
            {
                ("inner", "names"): "['a', 'b', 'a'] is not allowed; expected: names of its parts; a list of different "
                "values, each text",
                ("other",): "[] is not a section; write a section with some of these keys: names, size",
            },
        ),
        (
            {"needed": True, "inner": {"size": "1e1"}},
            {("inner", "size"): "'1e1' is not allowed; expected: size of the thing; a whole number from 1"},
        ),
        (
            {"needed": True, "inner": {"size": "7"}},
            {("inner", "size"): "'7' is text to YAML, write 7; expected: size of the thing; a whole number from 1"},
        ),
    ],
)
def test_every_problem_of_a_section_is_told(given, problems):
    assert key_problems(Outer, given) == problems
