"""What a part holds and which family it is of."""

import pytest

from snacpack.synthesis.parts import RESOURCES, available_resources, yosys_family


def test_the_papers_part():
    assert available_resources("xcvu13p-flga2577-2-e") == {"lut": 1728000, "ff": 3456000, "dsp": 12288, "bram": 5376}


def test_an_unknown_part_says_what_is_known():
    with pytest.raises(ValueError, match=r"synthesis\.part.*xcvu13p.*synthesis\.available"):
        available_resources("xcvu99p-flga2577-2-e")
    given = {"lut": 10, "ff": 20, "dsp": 1, "bram": 2}
    assert available_resources("xcvu99p-flga2577-2-e", given) == given


@pytest.mark.parametrize("part", RESOURCES)
def test_listed_parts_have_a_family_and_two_registers_a_lut(part):
    assert yosys_family(part) in ("xc7", "xcu", "xcup")
    resources = available_resources(part)
    assert resources["ff"] == 2 * resources["lut"]


@pytest.mark.parametrize(
    ("part", "family"),
    [
        ("xcvu13p-flga2577-2-e", "xcup"),
        ("xcu250-figd2104-2L-e", "xcup"),
        ("xczu9eg-ffvb1156-2-e", "xcup"),
        ("xcku115-flvb2104-2-i", "xcu"),
        ("xcvu440-flga2892-1-c", "xcu"),
        ("xc7z020clg400-1", "xc7"),
    ],
)
def test_families(part, family):
    assert yosys_family(part) == family


def test_a_part_of_no_known_family_is_refused():
    with pytest.raises(ValueError, match=r"synthesis\.part"):
        yosys_family("10AX115N2F45E1SG")
