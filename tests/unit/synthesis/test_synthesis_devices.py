"""How parts are written, what they hold, which family they are of and how fast that is."""

import json

import pytest

from helpers import ROOT
from helpers.random_networks import random_network
from snacpack.hardware.surrogate import TARGETS, Surrogate, _weights_folder
from snacpack.synthesis.devices import (
    DEVICES,
    FAMILIES,
    RESOURCES,
    available_resources,
    board_resources,
    parse_part,
)
from snacpack.synthesis.rtl import build_rtl

# As Vivado's get_parts lists them.
LISTED = {
    "xc7z020clg400-1": ("xc7z020", "Artix-7", "xc7"),
    "xc7z020iclg400-1L": ("xc7z020", "Artix-7", "xc7"),
    "xc7z007sclg225-2": ("xc7z007s", "Artix-7", "xc7"),
    "xc7z030sbg485-1": ("xc7z030", "Kintex-7", "xc7"),
    "xc7z045ffg900-2L": ("xc7z045", "Kintex-7", "xc7"),
    "xc7a100tcsg324-1": ("xc7a100t", "Artix-7", "xc7"),
    "xc7a35ticsg324-1L": ("xc7a35t", "Artix-7", "xc7"),
    "xc7a200tsbg484-3": ("xc7a200t", "Artix-7", "xc7"),
    "xc7s50csga324-1IL": ("xc7s50", "Artix-7", "xc7"),
    "xc7s100fgga676-1Q": ("xc7s100", "Artix-7", "xc7"),
    "xc7k325tffg900-2": ("xc7k325t", "Kintex-7", "xc7"),
    "xc7vx690tffg1761-2": ("xc7vx690t", "Kintex-7", "xc7"),
    "xc7v2000tfhg1761-2G": ("xc7v2000t", "Kintex-7", "xc7"),
    "xa7z020clg400-1I": ("xa7z020", "Artix-7", "xc7"),
    "xcku115-flvb2104-2-e": ("xcku115", "UltraScale", "xcu"),
    "xcku035-fbva676-1LV-i": ("xcku035", "UltraScale", "xcu"),
    "xcvu095-ffva2104-1H-e": ("xcvu095", "UltraScale", "xcu"),
    "xcvu440-flga2892-1-c": ("xcvu440", "UltraScale", "xcu"),
    "xcku5p_CIV-ffva676-2LV-e": ("xcku5p", "UltraScale+", "xcup"),
    "xcvu13p-flga2577-2-e": ("xcvu13p", "UltraScale+", "xcup"),
    "xcvu13p-flga2577-2LV-e": ("xcvu13p", "UltraScale+", "xcup"),
    "xcvu9p-flga2104-2L-e": ("xcvu9p", "UltraScale+", "xcup"),
    "xcvu37p-fsvh2892-2L-e": ("xcvu37p", "UltraScale+", "xcup"),
    "xcu200-fsgd2104-2-e": ("xcu200", "UltraScale+", "xcup"),
    "xcu250-figd2104-2L-e": ("xcu250", "UltraScale+", "xcup"),
    "xcu280-fsvh2892-2L-e": ("xcu280", "UltraScale+", "xcup"),
    "xcu55c-fsvh2892-2L-e": ("xcu55c", "UltraScale+", "xcup"),
    "xczu9eg-ffvb1156-2-e": ("xczu9eg", "UltraScale+", "xcup"),
    "xczu9eg-ffvb1156-2LV-e-es1": ("xczu9eg", "UltraScale+", "xcup"),
    "xczu28dr-ffvg1517-2-e": ("xczu28dr", "UltraScale+", "xcup"),
    "xcau25p-ffvb676-2-e": ("xcau25p", "UltraScale+", "xcup"),
    "xck26-sfvc784-2LV-c": ("xck26", "UltraScale+", "xcup"),
    "xck26-sfvc784-2LVI-i": ("xck26", "UltraScale+", "xcup"),
}


@pytest.mark.parametrize("name", LISTED)
def test_a_part_is_read_as_vivado_lists_it(name):
    part = parse_part(name)
    assert (part.name, part.die, part.family.name, part.family.yosys) == (name, *LISTED[name])
    assert part.delays.adder > 0


@pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.names[0])
def test_every_device_whose_resources_are_known_can_be_named(device):
    for die in device.names:
        name = next(name for name, (of, *_) in LISTED.items() if of == die)
        assert available_resources(name) == device.resources
    assert set(device.resources) == set(RESOURCES)


@pytest.mark.parametrize("weights", TARGETS)
def test_rule4ml_takes_its_boards_for_what_they_are(weights):
    config = json.loads((_weights_folder(weights) / "LUT.config.json").read_text())
    for board, held in config["scaler_config"]["available_resources"].items():
        assert board_resources(board) == {name: held[name] for name in RESOURCES}
        assert Surrogate(weights=weights, board=board).units("lut", 50.0) == held["lut"] / 2


def test_the_document_has_the_table():
    text = " ".join((ROOT / "docs" / "hardware.md").read_text().split())
    *names, last = (name for device in DEVICES for name in device.names)
    assert f"Those of {', '.join(names)} and {last} are known" in text
    for name, family in FAMILIES.items():
        delays = family.delays
        written = (
            f"{delays.clock_to_q:g} ns | {delays.lut:.2f} ns | {delays.carry_in:.2f} ns, {delays.carry_bit * 1e3:g} ps"
        )
        assert (f"| {name} | {written} |" in text) == (name != "UltraScale")


@pytest.mark.parametrize("name", ["xcvu13p-flga2577-2-e", "xc7z020clg400-1", "xcu250-figd2104-2L-e"])
def test_the_scripts_for_vivado_name_the_part_as_it_is_given(tmp_path, name):
    build_rtl(random_network((3, 2)), tmp_path, name, 5.0)
    script = (tmp_path / "build_vivado_prj.tcl").read_text()
    assert f'"{name}"' in script


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("xc7z020-clg400-1", "xc7z020clg400-1"),
        ("XC7Z020CLG400-1", "xc7z020clg400-1"),
        ("XC7Z020-1CLG400C", "xc7z020clg400-1"),
        ("xc7a35ticsg324-1l", "xc7a35ticsg324-1L"),
        ("xc7vx690t-ffg1927-2", "xc7vx690tffg1927-2"),
        ("xcu250-figd2104-2l-e", "xcu250-figd2104-2L-e"),
        ("XCVU13P-FLGA2577-2-E", "xcvu13p-flga2577-2-e"),
        ("XCVU13P-2FLGA2577E", "xcvu13p-flga2577-2-e"),
        ("XCKU5P_civ-ffva676-2lv-e", "xcku5p_CIV-ffva676-2LV-e"),
        ("xczu9eg-ffvb1156-2lv-e-ES1", "xczu9eg-ffvb1156-2LV-e-es1"),
    ],
)
def test_another_spelling_is_refused_with_vivados(written, meant):
    with pytest.raises(ValueError, match=rf"synthesis\.part: .*'{written}'.*'{meant}'"):
        parse_part(written)
    assert parse_part(meant)


@pytest.mark.parametrize(
    "name",
    ["xcvu13p", "xc7z020", "xcvu13p-flga2577", "xcvu13p-flga2577-2", "xcvc1902-vsva2197-2MP-e-S", "10AX115N2F45"],
)
def test_what_is_no_part_of_a_known_family_is_refused(name):
    with pytest.raises(ValueError, match=r"synthesis\.part.*7 series, UltraScale or UltraScale\+.*get_parts"):
        parse_part(name)


def test_what_an_unlisted_part_holds_has_to_be_given():
    with pytest.raises(ValueError, match=r"synthesis\.part.*xcvu13p.*synthesis\.available"):
        available_resources("xcvu5p-flva2104-2-e")
    given = {"lut": 10, "ff": 20, "dsp": 1, "bram": 2}
    assert available_resources("xcvu5p-flva2104-2-e", given) == given


def test_a_higher_grade_is_faster_and_a_lower_voltage_slower():
    delays = {grade: parse_part(f"xcvu13p-flga2577-{grade}-e").delays.adder for grade in ("1", "2", "2L", "2LV", "3")}
    assert delays["3"] < delays["2"] < delays["1"] < delays["2LV"]
    assert delays["2L"] == delays["2"]
    assert parse_part("xcvu13p-flga2577-1-e").delays == FAMILIES["UltraScale+"].delays
    assert parse_part("xc7k325tffg900-2L").delays == FAMILIES["Kintex-7"].delays
