from __future__ import annotations

from dataclasses import replace

import lmfit
import numpy as np
import pytest
from exported import conductor, result_of
from hypothesis import given
from hypothesis import strategies as st
from lmfit.models import ConstantModel, GaussianModel, LorentzianModel, PseudoVoigtModel

from xps_prefit_hooks import PrefitError, Seed, SeedComponent
from xps_stn_plugin.export.peaks import height_fraction, height_of, peaks_of
from xps_stn_plugin.export.region_files import region_paths, regions_in_order, write_together
from xps_stn_plugin.fitting import curves

X = np.linspace(275, 300, 2501)


def two_lines(*, center=285.0, area=100.0, sigma=0.5, fraction=0.3, ties=None):
    """Seed of two pseudo-Voigts; `ties` are expressions of the second, helpers ``b_gap`` and ``b_ratio`` free."""
    model = PseudoVoigtModel(prefix="a_") + PseudoVoigtModel(prefix="b_") + ConstantModel(prefix="bg_")
    params = model.make_params(a_center=center, a_amplitude=area, a_sigma=sigma, a_fraction=fraction, bg_c=5.0)
    params.update(lmfit.create_params(b_center=center + 2, b_amplitude=30.0, b_sigma=0.6, b_fraction=0.5))
    params.add("b_gap", value=1.5, min=1.0, max=2.0)
    params.add("b_ratio", value=0.6, min=0.4, max=0.9)
    for name, expression in (ties or {}).items():
        params[f"b_{name}"].set(expr=expression)
    components = SeedComponent("a_", "C1s one"), SeedComponent("b_", "C1s other")
    return Seed("C1s", model, params, components, "offset")


@pytest.mark.parametrize(
    ("quantity", "expression", "by", "vary"),
    [
        ("center", "a_center", 0.0, False),
        ("center", "a_center+1.6", 1.6, False),
        ("center", "1.6 + a_center", 1.6, False),
        ("center", "a_center-1.25", -1.25, False),
        ("center", "a_center+b_gap", 1.5, True),
        ("amplitude", "a_amplitude", 1.0, False),
        ("amplitude", "0.5*a_amplitude", 0.5, False),
        ("amplitude", "a_amplitude*0.5", 0.5, False),
        ("amplitude", "b_ratio*a_amplitude", 0.6, True),
        ("sigma", "a_sigma", 1.0, False),
        ("fraction", "a_fraction", 1.0, False),
    ],
)
def test_ties_to_one_other_line_are_read(quantity, expression, by, vary):
    seed = two_lines(ties={quantity: expression})
    other = peaks_of(seed, seed.params)[1]
    found = {"amplitude": other.area, "sigma": other.fwhm}.get(quantity) or getattr(other, quantity)
    assert (found.tie.peak, found.tie.vary, found.vary) == (0, vary, False)
    assert found.tie.by == pytest.approx(by)
    if vary:
        helper = seed.params["b_gap" if quantity == "center" else "b_ratio"]
        assert (found.tie.low, found.tie.high) == (helper.min, helper.max)


@pytest.mark.parametrize(
    ("quantity", "expression"),
    [
        ("center", "1.01*a_center"),
        ("amplitude", "a_amplitude+3"),
        ("sigma", "sqrt(a_sigma)"),
        ("amplitude", "a_sigma*9"),
    ],
)
def test_ties_of_other_kinds_hold_the_value(quantity, expression):
    seed = two_lines(ties={quantity: expression})
    other = peaks_of(seed, seed.params)[1]
    found = {"amplitude": other.area, "sigma": other.fwhm, "center": other.center}[quantity]
    assert (found.tie, found.vary) == (None, False)


@given(
    center=st.floats(280, 290), area=st.floats(1, 1e6), sigma=st.floats(0.2, 2), fraction=st.floats(0, 1)
)  # fmt: skip
def test_peaks_add_up_to_the_seed(center, area, sigma, fraction):
    seed = two_lines(
        center=center, area=area, sigma=sigma, fraction=fraction, ties={"amplitude": "b_ratio*a_amplitude"}
    )
    peaks = peaks_of(seed, seed.params)
    whole = sum(peak.curve(X) for peak in peaks) + 5.0
    assert np.allclose(whole, seed.model.eval(seed.params, x=X), rtol=1e-9, atol=1e-9 * area)
    for peak in peaks:
        top = peak.curve(np.array([peak.center.value]))[0]
        assert height_of(peak) == pytest.approx(top, rel=1e-9)


def test_members_of_a_vibrational_line_add_up_to_it():
    result = result_of("C1s", fitted=False)
    seed = result.seeds["C1s"]
    lines = curves(seed, seed.params, X)
    peaks = peaks_of(seed, seed.params)
    assert len({peak.name for peak in peaks}) == len(peaks) == 13
    for component in seed.components:
        own = sum(peak.curve(X) for peak in peaks if peak.component == component.name)
        assert np.abs(own - lines[component.name]).max() < 1e-9 * lines[component.name].max()
    for peak in peaks:
        for quantity in (peak.center, peak.area, peak.fwhm, peak.fraction):
            if quantity.tie:
                other = peaks[quantity.tie.peak]
                base = {id(peak.center): other.center, id(peak.area): other.area, id(peak.fwhm): other.fwhm}
                value = base.get(id(quantity), other.fraction).value
                there = value + quantity.tie.by if quantity is peak.center else value * quantity.tie.by
                assert there == pytest.approx(quantity.value)


def test_skewed_line_keeps_its_ties():
    seed = conductor().seeds["C1s"]
    peaks = peaks_of(seed, seed.params)
    tail, tied, plain = peaks
    assert tail.skew is not None and tail.skew == tied.skew and plain.skew is None
    assert tail.skew.skew > 0
    assert tied.center.value - tail.center.value == pytest.approx(1.9) == tied.center.tie.by
    assert tied.area.value / tail.area.value == pytest.approx(0.25) == tied.area.tie.by
    # A width of a skewed line is none of a symmetric one.
    assert (plain.fwhm.tie, plain.fwhm.vary) == (None, True)


@pytest.mark.parametrize(("model", "share"), [(GaussianModel, 0.0), (LorentzianModel, 1.0)])
def test_users_own_lines_become_the_nearest_pseudo_voigt(model, share):
    seed = two_lines()
    own = model(prefix="own_")
    params = own.make_params(amplitude=50.0, center=291.0, sigma=0.7)
    seed = seed.joined(own, params, name="C1s own")
    peak = peaks_of(seed, seed.params)[-1]
    assert peak.fraction.value == pytest.approx(share, abs=2e-3)
    line = own.eval(params, x=X)
    assert np.abs(peak.curve(X) - line).max() < 3e-3 * line.max()


def test_line_without_a_width_is_refused():
    seed = two_lines()
    del seed.params["b_sigma"]
    with pytest.raises(PrefitError, match="C1s other has no parameter b_sigma"):
        peaks_of(seed, seed.params)


@given(fraction=st.floats(0, 1))
def test_share_of_the_height_is_that_of_the_curve(fraction):
    gauss, lorentz = (
        (1 - fraction) * 2 * np.sqrt(np.log(2) / np.pi),
        fraction * 2 / np.pi,
    )
    assert height_fraction(fraction) == pytest.approx(lorentz / (gauss + lorentz))
    assert height_fraction(fraction) <= fraction + 1e-12


def test_carbon_comes_first_and_the_others_beside_it(tmp_path):
    result = result_of("O1s", "C1s", fitted=False)
    assert regions_in_order(result) == ["C1s", "O1s"]
    paths = region_paths(tmp_path / "a b.LG4X.dat", ["C1s", "O1s"], ".lg4x.dat")
    assert [path.name for path in paths.values()] == ["a b.LG4X.dat", "a b_O1s.lg4x.dat"]


def test_measured_file_is_never_written_over(tmp_path):
    source = tmp_path / "a_O1s.lg4x.dat"
    source.write_text("measured")
    result = replace(result_of("C1s", "O1s", fitted=False), source=str(source))
    with pytest.raises(PrefitError, match="measured file itself"):
        write_together(result, {tmp_path / "a.lg4x.dat": "new", source: "new"})
    assert source.read_text() == "measured"
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
