from __future__ import annotations

import copy

import numpy as np
import pytest
from quantified import PMMA, sample

from xps_stn_plugin.quantification.areas import component_areas

SCOFIELD = {"C1s": 1.0, "O1s": 2.93, "Cl2p": 2.285}
PVC = {"Cl2p": [("C-Cl", ("alkyl halide (Cl)",), 200.6, 1.0)]}


def noisy(regions, seed=1):
    return sample(regions, SCOFIELD, random=np.random.default_rng(seed))


def test_errors_of_areas_are_those_of_the_amplitudes():
    case = noisy(PMMA)
    fit = case.fits["C1s"]
    areas = component_areas(case.seeds["C1s"], fit)
    expected = [fit.params[f"line{i}_amplitude"].stderr for i in range(4)]
    np.testing.assert_allclose(np.sqrt(np.diag(areas.covariance)), expected, rtol=1e-4)
    correlation = areas.covariance[0, 1] / np.sqrt(areas.covariance[0, 0] * areas.covariance[1, 1])
    assert correlation == pytest.approx(fit.params["line0_amplitude"].correl["line1_amplitude"], abs=1e-4)


def test_both_lines_of_a_doublet_vary_together():
    case = noisy(PVC)
    fit = case.fits["Cl2p"]
    areas = component_areas(case.seeds["Cl2p"], fit)
    assert areas.values.shape == (1,)
    amplitude = fit.params["line0_amplitude"]
    assert areas.values[0] == pytest.approx(1.5 * amplitude.value)
    assert np.sqrt(areas.covariance[0, 0]) == pytest.approx(1.5 * amplitude.stderr, rel=1e-4)


def test_a_free_ratio_is_differentiated_too():
    case = noisy(PMMA)
    seed = copy.deepcopy(case.seeds["C1s"])
    seed.params.add("ratio", value=1.0, min=0.5, max=2.0)
    seed.params["line2_amplitude"].set(expr="ratio*line3_amplitude")
    data = case.spectrum["C1s"].to_dataset()
    fit = seed.model.fit(data["counts"].values, seed.params, x=data["binding_energy"].values, method="least_squares")
    tied = component_areas(seed, fit)
    plain = component_areas(
        case.seeds["C1s"],
        case.seeds["C1s"].model.fit(
            data["counts"].values,
            case.seeds["C1s"].params,
            x=data["binding_energy"].values,
            method="least_squares",
        ),
    )
    # The same model written otherwise: same areas, same errors.
    np.testing.assert_allclose(tied.values, plain.values, rtol=1e-3)
    np.testing.assert_allclose(np.sqrt(np.diag(tied.covariance)), np.sqrt(np.diag(plain.covariance)), rtol=0.02)


def test_a_component_at_zero_costs_the_others_no_error():
    regions = {"O1s": [*PMMA["O1s"], ("C-O-C", ("ether (aliphatic)",), 536.0, 0.0)]}
    case = noisy(regions)
    fit = case.fits["O1s"]
    fit.covar = None
    fit.params["line2_amplitude"].value = 0.0
    fit.params["line2_amplitude"].stderr = None
    fit.params["line2_center"].stderr = None
    before = fit.params.dumps()
    areas = component_areas(case.seeds["O1s"], fit)
    assert areas.covariance is not None
    assert (np.diag(areas.covariance) > 0).tolist() == [True, True, False]
    assert fit.params.dumps() == before
    assert fit.covar is None


def test_no_covariance_where_the_fit_found_no_minimum():
    case = noisy(PMMA)
    fit = case.fits["C1s"]
    fit.covar, fit.success = None, False
    for parameter in fit.params.values():
        parameter.stderr = None
    assert component_areas(case.seeds["C1s"], fit).covariance is None
