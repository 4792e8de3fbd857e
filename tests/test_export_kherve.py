"""KherveFitting peak libraries, read back by an independent reader of the documented grammar and shapes."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import lmfit
import numpy as np
import pytest
from exported import SHIFT, conductor, result_of
from hypothesis import given
from hypothesis import strategies as st

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.export import kherve
from xps_stn_plugin.export.peaks import Quantity, Tie
from xps_stn_plugin.fitting import curves


def read(path):
    """First core level, as the program loads it: sheet, and peaks by letter with their names."""
    document = json.loads(path.read_text())
    sheet = next(iter(document["Core levels"]))
    peaks = document["Core levels"][sheet]["Fitting"]["Peaks"]
    return (
        document,
        sheet,
        {chr(ord("A") + number): (name, cells) for number, (name, cells) in enumerate(peaks.items())},
    )


def ends_of(text, own, value_of):
    """Range and whether it varies; ``value_of`` gives the cell of the peak with a letter."""
    if text == "Fixed":
        return own - 0.001, own + 0.001, False
    if tied := re.fullmatch(r"([A-Z])([+\-*/])(\d+\.?\d*)#([\d.]+)", text):
        letter, sign, by, reach = tied[1], tied[2], float(tied[3]), float(tied[4])
        ends = []
        for end in (f"{by - reach}", f"{by + reach}"):
            # The program reads the ends back from text and stops at an exponent.
            number = float(re.match(r"-?\d+\.?\d*", end)[0])
            other = value_of(letter)
            ends.append({"+": other + number, "-": other - number, "*": other * number}[sign])
        return min(ends), max(ends), True
    low, high = map(float, text.split(","))
    return low, high, True


def cell_of(peaks, key):
    return lambda letter: peaks[letter][1][key]


def sum_shape(x, center, area, fwhm, fraction):
    """Gaussian and Lorentzian of one width whose heights are as 100 - fraction to fraction, with this area."""
    f = fraction / 100
    gauss = np.exp(-4 * np.log(2) * ((x - center) / fwhm) ** 2)
    lorentz = 1 / (1 + 4 * ((x - center) / fwhm) ** 2)
    unit = (1 - f) * fwhm * np.sqrt(np.pi / (4 * np.log(2))) + f * np.pi * fwhm / 2
    return area / unit * ((1 - f) * gauss + f * lorentz)


def skewed(x, cells):
    """Skewed Voigt from cells: full widths, the Gaussian one in Sigma and the Lorentzian share of both in L/G."""
    sigma = cells["Sigma"] / 2.355
    share = cells["L/G"]
    gamma = share * 2.355 * sigma / (200 - 2 * share)
    return lmfit.lineshapes.skewed_voigt(x, cells["Area"], cells["Position"], sigma, gamma, cells["Skew"])


def drawn(x, cells):
    if cells["Fitting Model"] == "SGL (Area)":
        return sum_shape(x, *(cells[key] for key in ("Position", "Area", "FWHM", "L/G")))
    return skewed(x, cells)


def curve_of(x, peaks, component):
    """Sum of a component's peaks: members of a vibrational line carry its name and v1, v2, v3."""
    own = [cells for name, cells in peaks.values() if name == component or name.startswith(f"{component} v")]
    assert own
    return sum(drawn(x, cells) for cells in own)


@pytest.mark.parametrize("fitted", [False, True])
def test_peaks_are_those_of_seed_and_fit(tmp_path, fitted):
    result = result_of("C1s", "O1s", fitted=fitted)
    result.save(tmp_path / "a.kherve.json")
    for region, file in (("C1s", "a.kherve.json"), ("O1s", "a_O1s.kherve.json")):
        document, sheet, peaks = read(tmp_path / file)
        assert sheet == region
        seed = result.seeds[region]
        params = result.fits[region].params if fitted else seed.params
        x = result.calibrated[region]["binding_energy"].values
        lines = curves(seed, params, x)
        for component in seed.components:
            line = lines[component.name]
            assert np.abs(curve_of(x, peaks, component.name) - line).max() < 1e-3 * line.max()
        for name, cells in peaks.values():
            there = drawn(np.linspace(cells["Position"] - 2, cells["Position"] + 2, 2001), cells)
            assert cells["Height"] == pytest.approx(there.max(), rel=1e-3), name
            assert (cells["Bkg Low"], cells["Bkg High"]) == pytest.approx((x[0], x[-1]), abs=1e-3)
        assert ("fitted" if fitted else "start") in document["Comment"]


def test_correction_is_added_there_so_it_is_minus_the_shift(tmp_path):
    result_of("C1s").save(tmp_path / "a.kherve.json")
    document, _, _ = read(tmp_path / "a.kherve.json")
    assert document["BEcorrection"] == -SHIFT
    assert document["BEcorrections"] == {"0": -SHIFT}
    result_of("C1s", moved=False).save(tmp_path / "b.kherve.json")
    assert read(tmp_path / "b.kherve.json")[0]["BEcorrection"] == 0.0


def test_every_file_has_all_regions_its_own_first(tmp_path):
    result_of("O1s", "C1s", "Cl2p", fitted=False).save(tmp_path / "pet.kherve.json")
    orders = {path.name: list(json.loads(path.read_text())["Core levels"]) for path in tmp_path.iterdir()}
    assert orders == {
        "pet.kherve.json": ["C1s", "O1s", "Cl2p"],
        "pet_O1s.kherve.json": ["O1s", "C1s", "Cl2p"],
        "pet_Cl2p.kherve.json": ["Cl2p", "C1s", "O1s"],
    }


def test_ties_are_ranges_about_the_other_peak(tmp_path):
    result = result_of("Cl2p")
    result.save(tmp_path / "a.kherve.json")
    _, _, peaks = read(tmp_path / "a.kherve.json")
    (first, high), (second, low) = peaks["A"], peaks["B"]
    assert (first[:8], second[:8]) == ("Cl2p3/2 ", "Cl2p1/2 ")
    assert low["Constraints"]["Position"] == "A+1.600#0.001"
    assert low["Constraints"]["Area"] == "A*0.5000#0.0001"
    assert low["Constraints"]["FWHM"] == "A*1.0000#0.0001"
    assert low["Constraints"]["L/G"] == "A*1.000#0.001"
    assert low["Position"] - high["Position"] == pytest.approx(1.6, abs=2e-4)


def test_a_background_that_the_program_lacks_is_refused(tmp_path):
    result = result_of("C1s")
    seeds = {"C1s": result.seeds["C1s"].changed(background="spline")}
    with pytest.raises(PrefitError, match="region C1s has the background 'spline', which KherveFitting lacks"):
        replace(result, seeds=seeds).save(tmp_path / "a.kherve.json")


def test_conductor_becomes_a_skewed_voigt(tmp_path):
    result = conductor()
    result.save(tmp_path / "a.kherve.json")
    _, _, peaks = read(tmp_path / "a.kherve.json")
    x = result.spectrum["C1s"]["binding_energy"].values
    lines = curves(result.seeds["C1s"], result.seeds["C1s"].params, x)
    for name in ("C1s graphitic", "C1s C-O", "C1s shake-up"):
        assert np.abs(curve_of(x, peaks, name) - lines[name]).max() < 0.015 * lines[name].max()
    assert [cells["Fitting Model"] for _, cells in peaks.values()].count(kherve.SKEWED_VOIGT) == 2


def test_start_lies_in_its_own_range(tmp_path):
    for number, result in enumerate((result_of("C1s", "O1s", "Cl2p"), conductor())):
        path = tmp_path / f"{number}.kherve.json"
        result.save(path)
        for file in tmp_path.glob(f"{number}*.kherve.json"):
            _, _, peaks = read(file)
            for name, cells in peaks.values():
                for key in ("Position", "Area", "FWHM", "L/G"):
                    text = cells["Constraints"][key]
                    low, high, _ = ends_of(text, cells[key], cell_of(peaks, key))
                    assert low - 1e-3 * abs(low) <= cells[key] <= high + 1e-3 * abs(high), (name, key, text)


def test_fits_one_after_another_come_to_our_fit(tmp_path):
    """As the program fits: background taken off, ties as ranges about the last values, again until nothing moves."""
    result = result_of("C1s", background="linear", fitted=False)
    result.save(tmp_path / "a.kherve.json")
    _, _, peaks = read(tmp_path / "a.kherve.json")
    data = result.calibrated["C1s"]
    x, y = data["binding_energy"].values, data["counts"].values
    ours = result.fit("C1s")
    lines = curves(result.seeds["C1s"], ours.params, x)
    keys = {"center": "Position", "area": "Area", "fwhm": "FWHM", "fraction": "L/G"}
    for _ in range(12):
        model, params = None, lmfit.Parameters()
        for letter, (_, cells) in peaks.items():
            one = lmfit.Model(sum_shape, prefix=f"{letter}_")
            model = one if model is None else model + one
            for bare, key in keys.items():
                text = cells["Constraints"][key]
                low, high, vary = ends_of(text, cells[key], cell_of(peaks, key))
                params.add(f"{letter}_{bare}", value=min(max(cells[key], low), high), min=low, max=high, vary=vary)
        fit = model.fit(y - lines["background"], params, x=x, weights=1 / np.sqrt(y))
        for letter, (_, cells) in peaks.items():
            cells.update({key: fit.params[f"{letter}_{bare}"].value for bare, key in keys.items()})
    for component in result.seeds["C1s"].components:
        line, found = lines[component.name], curve_of(x, peaks, component.name)
        assert (found @ x) / found.sum() == pytest.approx((line @ x) / line.sum(), abs=0.03), component.name
        assert found.sum() / line.sum() == pytest.approx(1, abs=0.1), component.name


def test_more_peaks_than_letters_leave_out_vibrations_or_are_refused(tmp_path, monkeypatch):
    result = result_of("C1s", fitted=False)
    monkeypatch.setattr(kherve, "_MOST_PEAKS", 8)
    result.save(tmp_path / "a.kherve.json")
    _, _, peaks = read(tmp_path / "a.kherve.json")
    assert len(peaks) == 7  # two members for each of three vibrational lines
    x = np.linspace(270, 305, 701)
    lines = curves(result.seeds["C1s"], result.seeds["C1s"].params, x)
    name = result.seeds["C1s"].components[0].name
    assert curve_of(x, peaks, name).sum() == pytest.approx(lines[name].sum(), rel=5e-3)
    monkeypatch.setattr(kherve, "_MOST_PEAKS", 3)
    with pytest.raises(PrefitError, match="by letter"):
        result.save(tmp_path / "b.kherve.json")
    assert not (tmp_path / "b.kherve.json").exists()


numbers = st.floats(-50, 50).map(lambda value: round(value, 6))


@given(middle=numbers, reach=st.floats(0, 5), adds=st.booleans(), digits=st.integers(3, 4), peak=st.integers(0, 25))
def test_constraints_mean_what_the_tie_says(middle, reach, adds, digits, peak):
    middle = middle if adds else abs(middle)
    low, high = (middle - reach, middle + reach) if adds else (max(middle - reach, 0.0), middle + reach)
    tie = Tie(peak, middle, low, high, vary=True)
    text = kherve.constraint(Quantity(1.0, vary=False, tie=tie), adds=adds, ends=(200.0, 300.0), digits=digits)
    other = 287.0

    def value_of(letter):
        assert letter == chr(ord("A") + peak)
        return other

    found = ends_of(text, 1.0, value_of)
    wanted = (other + low, other + high) if adds else (other * low, other * high)
    # Rounded to the decimals, and widened by one of them where the program would meet an exponent.
    error = 4 * 10.0**-digits * (1 if adds else other)
    assert found[:2] == pytest.approx(wanted, abs=error)
    assert found[0] <= found[1]


@given(low=st.floats(0, 10), width=st.floats(0, 10), vary=st.booleans())
def test_limits_are_written_as_ranges(low, width, vary):
    text = kherve.constraint(Quantity(low, low, low + width, vary), adds=False, ends=(0.0, 100.0), digits=4)
    if not vary:
        assert text == "Fixed"
        return
    assert ends_of(text, low, math.nan)[:2] == pytest.approx((low, low + width), abs=1e-4)
