from __future__ import annotations

import re
from collections import defaultdict

import pytest

from xps_stn_plugin.chemistry.group_lines import group_lines
from xps_stn_plugin.core.core_levels import core_levels


def by_region():
    lines = defaultdict(dict)
    for regions in group_lines().values():
        for region, row in regions.items():
            for line in row:
                lines[region][line.key] = line
    return lines


def test_all_forty_groups_have_lines():
    assert len(group_lines()) == 40
    assert all(any(regions.values()) for regions in group_lines().values())


def test_regions_are_known_core_levels():
    assert set(by_region()) == set(core_levels())


@pytest.mark.parametrize("region", sorted(by_region()))
def test_lines_can_become_components(region):
    lines = by_region()[region].values()
    names = [line.name for line in lines]
    assert len(set(names)) == len(names)
    for line in lines:
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", line.key)
        assert not line.key.endswith("_low")  # taken by the lower-j line of a doublet
        assert line.half_width > 0
        assert abs(line.position - core_levels()[region].energy) < 10
        assert line.source in ("BB", "analogy")


def test_lines_hang_on_a_line_of_a_group_that_has_both():
    for region, lines in by_region().items():
        rows = [{line.key for line in regions.get(region, ())} for regions in group_lines().values()]
        for line in lines.values():
            if line.relative_to:
                assert any({line.key, line.relative_to} <= row for row in rows)
                assert 0 < line.ratio[0] < line.ratio[1]
                assert line.satellite or line.ratio[0] < line.share < line.ratio[1]


@pytest.mark.parametrize(
    ("group", "region", "position"),
    [
        ("alkane", "C1s", 285.00),  # the zero of the scale
        ("ester (aliphatic)", "C1s", 289.02),  # facts of Beamson & Briggs 1992, means over the polymers that carry it
        ("ester (aliphatic)", "C1s", 286.68),
        ("nitro (aromatic)", "N1s", 405.45),
        ("siloxane", "Si2p", 101.74),
        ("sulfone", "S2p", 167.60),
    ],
)
def test_known_positions(group, region, position):
    assert position in [line.position for line in group_lines()[group][region]]
