"""Lines that are broadened or doubled alike in all regions."""

from __future__ import annotations

import fakes
import numpy as np
import pytest

import xps_stn_plugin as xps
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree
from xps_stn_plugin.models.lineshapes import pseudo_voigt
from xps_stn_plugin.stn.signal import line_to_noise
from xps_stn_plugin.stn.uneven import ALIKE, PARTS_STDERR, is_alike, likeness
from xps_stn_plugin.stn.verdict import Reason

#: Poly(methyl methacrylate), nylon 6 and poly(ethylene glycol): centre in eV and area (Beamson & Briggs 1992).
SAMPLES = {
    "PMMA": {
        "C1s": ((285.0, 2), (285.7, 1), (286.8, 1), (289.0, 1)),
        "O1s": ((532.2, 2.9), (533.8, 2.9)),
    },
    "nylon": {"C1s": ((285.0, 4), (286.0, 1), (288.0, 1)), "N1s": ((399.8, 1.8),), "O1s": ((531.4, 2.9),)},
    "PEG": {"C1s": ((286.5, 2),), "O1s": ((532.7, 2.9),)},
}
EVEN = ((1.0, 0.0),)
HALVES = ((0.5, 0.0), (0.5, 1.0))


def counts(sample, parts=EVEN, width=1.2, height=3000, step=0.1, seed=0):
    """Axes and counts of a sample of which parts, (share, charge in eV), are charged differently."""
    random = np.random.default_rng(seed)
    regions = {}
    for level, lines in SAMPLES[sample].items():
        centers = [center for center, _ in lines]
        x = np.arange(min(centers) - 6, max(centers) + 7, step)
        y = sum(s * a * pseudo_voigt(x, c + q, width, 0.3) for c, a in lines for s, q in parts)
        regions[level] = x, random.poisson(height * (y + 0.05)).astype(float)
    return regions


def measure(regions):
    axes = [x for x, _ in regions.values()]
    rows = [y[None] for _, y in regions.values()]
    return float(likeness(axes, rows, np.stack([line_to_noise(row) for row in rows], axis=1))[0])


def tree(regions):
    datasets = {name: region_dataset("made", x, y, region=name) for name, (x, y) in regions.items()}
    return spectrum_tree("made", datasets)


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("width", [0.9, 1.2, 1.5])
def test_likeness_of_evenly_charged_samples_is_low(sample, width):
    assert measure(counts(sample, width=width)) < ALIKE


@pytest.mark.parametrize("sample", ["nylon", "PEG"])
@pytest.mark.parametrize("step", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("width", [0.9, 1.2, 1.5])
def test_likeness_of_two_parts_is_high(sample, step, width):
    assert measure(counts(sample, HALVES, width=width, step=step)) > ALIKE


def test_likeness_of_two_parts_beside_chemical_shifts_rises_in_broad_lines_alone():
    # The lines of poly(methyl methacrylate) are split by 0.7 to 4 eV in C 1s and by 1.6 eV in O 1s.
    assert measure(counts("PMMA", HALVES, width=1.5)) > ALIKE > measure(counts("PMMA", HALVES, width=1.0))


def test_likeness_of_one_region_or_of_noise_is_not_known():
    both = counts("PEG", HALVES)
    assert np.isnan(measure({"C1s": both["C1s"]}))
    assert np.isnan(measure(counts("PEG", HALVES, height=3)))


def test_likeness_without_regions_is_not_known():
    assert np.isnan(likeness([], [], np.zeros((3, 0)))).all()


def test_likeness_of_one_doubled_region_is_low():
    doubled, even = counts("PEG", HALVES), counts("PEG")
    assert measure({"C1s": doubled["C1s"], "O1s": even["O1s"]}) < ALIKE


def test_likeness_of_rows_is_that_of_each_alone():
    spectra = [counts("nylon", EVEN if row % 2 else HALVES, seed=row) for row in range(6)]
    axes = [x for x, _ in spectra[0].values()]
    rows = [np.stack([spectrum[level][1] for spectrum in spectra]) for level in SAMPLES["nylon"]]
    signal = np.stack([line_to_noise(values) for values in rows], axis=1)
    # Not measured.
    signal[4, 1:] = np.nan
    together = likeness(axes, rows, signal)
    alone = [measure(spectrum) for spectrum in spectra]
    assert np.isnan(together[4])
    np.testing.assert_allclose(np.delete(together, 4), np.delete(alone, 4))


@pytest.mark.parametrize("expect", [(), "nylon 6"])
def test_prefit_of_two_parts_is_uncertain_and_its_error_covers_both(expect):
    parts = ((0.45, 1.5), (0.55, 2.5))
    result = xps.prefit(tree(counts("nylon", parts)), expect=expect)
    assert result.status != "ok"
    assert result.shift_stderr >= PARTS_STDERR
    assert all(abs(result.shift - charge) < 2 * result.shift_stderr for _, charge in parts)
    assert any("broadened or doubled alike: parts of the sample" in reason for reason in result.reasons)


def test_stack_flags_spectra_of_two_parts():
    spectra = [counts("nylon", parts) for parts in (EVEN, HALVES)]
    stack = xps.prefit_many(
        spectrum_tree(
            "map",
            {
                level: region_dataset("map", x, spectra[0][level][1], region=level)
                .drop_vars("counts")
                .assign(counts=(("x", "binding_energy"), np.stack([each[level][1] for each in spectra])))
                for level, (x, _) in spectra[0].items()
            },
        )
    )
    assert ((stack["reasons"].values & int(Reason.ALIKE)) != 0).tolist() == [False, True]
    assert stack["shift_stderr"].values[1] >= PARTS_STDERR > stack["shift_stderr"].values[0]


def test_is_alike_reads_a_spectrum():
    assert is_alike(tree(counts("nylon", HALVES)))
    assert not is_alike(fakes.spectrum())
