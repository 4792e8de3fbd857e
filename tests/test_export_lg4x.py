"""LG4X-V2 presets, read back by an independent reader that follows the program's tables."""

from __future__ import annotations

import ast
import csv
import importlib.util

import lmfit
import numpy as np
import pytest
from exported import SHIFT, conductor, result_of
from lmfit import models

from xps_prefit_hooks import PrefitError
from xps_stn_plugin.export import lg4x
from xps_stn_plugin.fitting import curves

needs_lmfitxps = pytest.mark.skipif(
    importlib.util.find_spec("lmfitxps") is None, reason="lmfitxps, whose backgrounds LG4X-V2 uses, is not installed"
)

LETTERS = ["g", "l", "v", "p", "e", "s", "a", "b", "n", "d", "gdd", "gds", "fe"]
SHAPES = {3: models.PseudoVoigtModel, 6: models.SkewedVoigtModel}
#: Names of the quantities by their row, for the two shapes; then for those with a reference: row and name of the tie.
OWN = {3: {3: "sigma", 6: "fraction"}, 6: {3: "gamma", 4: "sigma", 7: "skew"}}
TIES = {13: ("center", "center_diff"), 15: ("amplitude", "amp_ratio")}
WIDTHS = {
    3: {17: ("sigma", "lorentzian_ratio")},
    6: {17: ("gamma", "lorentzian_ratio"), 19: ("sigma", "gaussian_ratio")},
}
LIMITS = {0: "center", 1: "amplitude", 12: "center_diff", 13: "amp_ratio"}
OWN_LIMITS = {
    3: {2: "sigma", 5: "fraction", 14: "lorentzian_ratio"},
    6: {2: "gamma", 3: "sigma", 6: "skew", 14: "lorentzian_ratio", 15: "gaussian_ratio"},
}


def shown(value):
    """What the program's tables keep of a number: three decimals."""
    return float(format(float(value), ".3f"))


class Reader:
    """The preset as LG4X-V2 uses it, with the data of the file that belongs to it."""

    def __init__(self, path, digits=shown):
        settings, self.background, peaks, limits, self.names = ast.literal_eval(path.read_text())
        self.kinds, first, last, self.hv, self.wf, self.shift = settings
        with path.with_suffix(".csv").open() as file:
            rows = list(csv.reader(file))[1:]
        x, y = np.array(rows, dtype=float).T
        assert np.all(np.diff(x) < 0)
        x = x - digits(self.shift)
        chosen = slice(np.argmin(abs(x - first)), np.argmin(abs(x - last)) + 1)
        self.x, self.y = x[chosen], y[chosen]
        self.cells = [[c if isinstance(c, str) or row in (0, *range(13, 27, 2)) else digits(c) for c in cells]
                      for row, cells in enumerate(peaks)]  # fmt: skip
        self.limits = [[c if isinstance(c, str) else digits(c) for c in row] for row in limits]
        assert len(self.background) == 7 and all(len(row) == 10 for row in self.background)
        assert len(peaks) == 27 and len(limits) == 19
        assert all(len(row) == 2 * (len(self.names) - 1) for row in peaks)
        assert all(len(row) == 3 * (len(self.names) - 1) for row in limits)
        self.model, self.params = self._peaks()

    def _prefix(self, number):
        return f"{LETTERS[self.cells[0][2 * number - 1]]}{number}_"

    def _peaks(self):
        model, params = None, lmfit.Parameters()
        numbers = range(1, len(self.names))
        for number in numbers:
            prefix = self._prefix(number)
            cell = lambda row, n=number: self.cells[row][2 * n - 1]  # noqa: E731
            fixed = lambda row, n=number: self.cells[row][2 * n - 2] == 2  # noqa: E731
            kind = cell(0)
            one = SHAPES[kind](prefix=prefix)
            model = one if model is None else model + one
            params.update(one.make_params())
            assert all(cell(row) != "" for row in range(27)), "an empty cell ends LG4X-V2's fit in an error"
            own = {1: "center", 2: "amplitude", **OWN[kind]}
            if kind == 6:
                params[f"{prefix}gamma"].expr = ""
            for row, name in own.items():
                params[f"{prefix}{name}"].set(value=cell(row), vary=not fixed(row))
            params[f"{prefix}amplitude"].min = 0.0
            for row, (name, tie) in (TIES | WIDTHS[kind]).items():
                least = -np.inf if tie == "center_diff" else 0.0
                params.add(f"{prefix}{tie}", value=cell(row + 1), min=least, vary=not fixed(row + 1))
                if cell(row):
                    other = self._prefix(cell(row))
                    assert other != prefix, "a peak that refers to itself is refused"
                    assert row < 17 or self.cells[0][2 * cell(row) - 1] == kind
                    sign = "+" if tie == "center_diff" else "*"
                    params[f"{prefix}{name}"].expr = f"{other}{name} {sign} {prefix}{tie}"
        for number in numbers:
            kind = self.cells[0][2 * number - 1]
            for row, name in (LIMITS | OWN_LIMITS[kind]).items():
                used, low, high = self.limits[row][3 * number - 3 : 3 * number]
                if used == 2:
                    if low != "":
                        params[f"{self._prefix(number)}{name}"].min = low
                    if high != "":
                        params[f"{self._prefix(number)}{name}"].max = high
        return model, params

    def with_background(self):
        """Model and parameters with lmfitxps's backgrounds."""
        from lmfitxps.models import ShirleyBG, TougaardBG

        model, params = self.model, self.params.copy()
        table = self.background
        for kind in self.kinds:
            if kind == 100:
                one = ShirleyBG(independent_vars=["y"], prefix="bg_shirley_")
                cells = {"k": table[0][4:6], "const": table[0][6:8]}
            elif kind == 101:
                one = TougaardBG(independent_vars=["x", "y"], prefix="bg_tougaard_")
                values = dict(zip(("B", "C", "C_d", "D", "extend"), table[1][1::2], strict=True))
                cells = {name: (table[1][0] if name == "B" else 2, value) for name, value in values.items()}
            else:
                assert kind == 2
                one = models.PolynomialModel(4, prefix="bg_poly_")
                cells = {f"c{n}": table[2][2 * n : 2 * n + 2] for n in range(5)}
            model = model + one
            made = one.make_params()
            for name, (flag, value) in cells.items():
                made[f"{one.prefix}{name}"].set(value=value, vary=flag != 2)
            if kind == 2:
                made["bg_poly_c0"].max = np.mean(self.y[-5:])
            params.update(made)
        return model, params

    def peak(self, name, params=None):
        number = self.names.index(name)
        part = next(p for p in self.model.components if p.prefix == self._prefix(number))
        return part.eval(params or self.params, x=self.x)


@pytest.fixture
def written(tmp_path):
    def make(result, region=None):
        path = tmp_path / "sample.lg4x.dat"
        lg4x.write(result, path)
        return path if region is None else tmp_path / f"sample_{region}.lg4x.dat"

    return make


def curve_of(reader, component, params=None):
    """Sum of the peaks of a component: members of a vibrational line carry its name and v1, v2, v3."""
    names = [name for name in reader.names[1:] if name == component or name.startswith(f"{component} v")]
    assert names
    return sum(reader.peak(name, params) for name in names)


@pytest.mark.parametrize("fitted", [False, True])
def test_peaks_are_those_of_seed_and_fit(written, fitted):
    result = result_of("C1s", "O1s", fitted=fitted)
    for region in ("C1s", "O1s"):
        reader = Reader(written(result) if region == "C1s" else written(result, region))
        seed = result.seeds[region]
        params = result.fits[region].params if fitted else seed.params
        drawn = curves(seed, params, reader.x)
        for component in seed.components:
            line = drawn[component.name]
            # Three decimals of eV and of the share.
            assert np.abs(curve_of(reader, component.name) - line).max() < 2e-3 * line.max(), component.name


def test_settings_are_on_the_corrected_axis_and_the_shift_is_subtracted(written):
    result = result_of("C1s")
    reader = Reader(written(result))
    calibrated = result.calibrated["C1s"]["binding_energy"].values[::-1]
    assert reader.shift == SHIFT
    assert reader.x == pytest.approx(calibrated, abs=6e-4)
    assert reader.y == pytest.approx(result.spectrum["C1s"]["counts"].values[::-1])
    assert (reader.hv, reader.wf) == (1486.6, 4.0)
    assert all(type(cell) in (int, float, str) for rows in ast.literal_eval(written(result).read_text())[1:4]
               for row in rows for cell in row)  # fmt: skip


def test_without_a_shift_nothing_is_shifted(written):
    result = result_of("C1s", moved=False)
    reader = Reader(written(result))
    assert reader.shift == 0.0
    assert reader.x == pytest.approx(result.spectrum["C1s"]["binding_energy"].values[::-1])


def test_ties_and_limits_arrive(written):
    result = result_of("C1s", fitted=False)
    seed = result.seeds["C1s"].params
    reader = Reader(written(result), digits=float)
    number = {name: reader._prefix(i) for i, name in enumerate(reader.names) if name}
    own = {component.name: component.prefix for component in result.seeds["C1s"].components}
    assert len(own) == 4
    params = reader.params
    for name, prefix in own.items():
        here = number[name]
        for bare, theirs in (("center", "center"), ("sigma", "sigma")):
            ours, there = seed[f"{prefix}{bare}"], params[f"{here}{theirs}"]
            assert there.value == pytest.approx(ours.value)
            if ours.expr is None:
                assert (there.vary, there.min, there.max) == (True, pytest.approx(ours.min), pytest.approx(ours.max))
            else:
                assert there.expr
    gap = next(name for name in seed if name.endswith("_gap"))
    tied = number[own_name(own, gap.removesuffix("gap"))]
    diff = params[f"{tied}center_diff"]
    assert (diff.value, diff.min, diff.max, diff.vary) == (seed[gap].value, seed[gap].min, seed[gap].max, True)
    ratio = next(name for name in seed if name.endswith("_ratio"))
    there = params[f"{number[own_name(own, ratio.removesuffix('ratio'))]}amp_ratio"]
    scale = there.value / seed[ratio].value
    assert (there.min, there.max) == pytest.approx((seed[ratio].min * scale, seed[ratio].max * scale))
    # As many free parameters, but for the share of Lorentzian, which cannot be tied there.
    free = [name for name, p in params.items() if p.vary]
    ours = [name for name, p in seed.items() if p.vary and not name.startswith("bg_") and not name.endswith("_step")]
    assert len(free) == len(ours) - 1
    shares = {p.value for name, p in params.items() if name.endswith("_fraction")}
    assert len(shares) == 1


def test_share_of_a_lone_line_is_free(written):
    result = result_of("O1s", fitted=False)
    params = result.seeds["O1s"].params
    other = next(name for name, p in params.items() if name.endswith("_fraction") and p.expr)
    params[other].set(value=0.25, vary=False, expr="")
    reader = Reader(written(result))
    vary = {name: p.vary for name, p in reader.params.items() if name.endswith("_fraction")}
    assert sorted(vary.values()) == [False, True]
    lone = next(name for name, free in vary.items() if free)
    assert (reader.params[lone].min, reader.params[lone].max) == (0.0, 0.8)


def own_name(own, prefix):
    return next(name for name, mine in own.items() if mine == prefix)


def test_doublet_is_two_tied_lines_with_their_momenta(written):
    result = result_of("Cl2p")
    reader = Reader(written(result), digits=float)
    assert reader.names[1].startswith("Cl2p3/2 ") and reader.names[2].startswith("Cl2p1/2 ")
    params = reader.params
    assert params["p2_center"].value - params["p1_center"].value == pytest.approx(1.60)
    assert params["p2_amplitude"].value / params["p1_amplitude"].value == pytest.approx(0.5)
    params["p1_sigma"].value *= 1.1
    assert params["p2_sigma"].value == params["p1_sigma"].value


def test_conductor_becomes_the_nearest_skewed_voigt(written):
    result = conductor()
    reader = Reader(written(result))
    seed = result.seeds["C1s"]
    drawn = curves(seed, seed.params, reader.x)
    for name in ("C1s graphitic", "C1s C-O"):
        assert np.abs(curve_of(reader, name) - drawn[name]).max() < 0.015 * drawn[name].max(), name
    assert [row[0] for row in (reader.cells[0][1::2],)] == [6]
    ratio = reader.params["a2_sigma"].value / reader.params["a1_sigma"].value
    reader.params["a1_sigma"].value *= 1.2
    assert reader.params["a2_sigma"].value / reader.params["a1_sigma"].value == pytest.approx(ratio)


@needs_lmfitxps
@pytest.mark.parametrize("background", ["shirley", "linear", "offset", "tougaard-u2", "tougaard-u3"])
def test_start_of_the_background_is_ours(written, background):
    result = result_of("C1s", background=background)
    reader = Reader(written(result))
    model, params = reader.with_background()
    whole = model.eval(params, x=reader.x, y=reader.y)
    seed, fit = result.seeds["C1s"], result.fits["C1s"]
    drawn = curves(seed, fit.params, reader.x)
    height = drawn["envelope"].max() - drawn["background"].max()
    lines = sum(drawn[component.name] for component in seed.components)
    assert np.abs(whole - lines - drawn["background"]).max() < 0.01 * height


@needs_lmfitxps
@pytest.mark.parametrize("background", ["linear", "offset", "shirley"])
def test_fit_of_the_preset_comes_to_our_fit(written, background):
    """Seeds go in; where the models agree, LG4X-V2's fit gives our areas and positions."""
    result = result_of("C1s", background=background, fitted=False)
    reader = Reader(written(result))
    model, params = reader.with_background()
    theirs = model.fit(reader.y, params, x=reader.x, y=reader.y, weights=1 / np.sqrt(reader.y))
    assert theirs.success
    seed, ours = result.seeds["C1s"], result.fit("C1s")
    drawn = curves(seed, ours.params, reader.x)
    for component in seed.components:
        line = drawn[component.name]
        found = curve_of(reader, component.name, theirs.params)
        error = ours.params[f"{component.prefix}center"].stderr or 0.02
        moved = (found @ reader.x) / found.sum() - (line @ reader.x) / line.sum()
        # Shares of Lorentzian are not tied there, and its Shirley background sums the noise.
        assert abs(moved) < max(3 * error, 0.02), component.name
        assert found.sum() / line.sum() == pytest.approx(1, abs=0.08), component.name


def test_all_regions_are_written_or_none(tmp_path):
    result = result_of("C1s", "O1s")
    result.save(tmp_path / "pet.lg4x.dat")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"pet.lg4x.dat", "pet.lg4x.csv", "pet_O1s.lg4x.dat", "pet_O1s.lg4x.csv"}
    other = tmp_path / "other"
    other.mkdir()
    (other / "pet_O1s.lg4x.csv").mkdir()
    with pytest.raises(PrefitError, match="folder"):
        result.save(other / "pet.lg4x.dat")
    assert [path.name for path in other.iterdir()] == ["pet_O1s.lg4x.csv"]


def test_nothing_to_export_is_said(tmp_path):
    result = result_of("C1s", seeds=False)
    with pytest.raises(PrefitError, match="no seeded model"):
        lg4x.write(result, tmp_path / "a.lg4x.dat")


@needs_lmfitxps
@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["PMMA", "PVAc", "PEG"])
def test_measured_polymers(shared, tmp_path, name):
    """Measured C 1s, on the scale of counts: LG4X-V2 keeps three decimals and weighs by the square root of them."""
    import xps_stn_plugin as xps

    tree = xps.read(shared / "measured" / f"{name}.csv")
    for region in tree.children:
        data = tree[region].to_dataset()
        tree[region] = data.assign(counts=500.0 + 20000.0 * (data["counts"] - data["counts"].min()))
    result = xps.prefit(tree, background="linear")
    lg4x.write(result, tmp_path / "a.lg4x.dat")
    reader = Reader(tmp_path / "a.lg4x.dat")
    model, params = reader.with_background()
    theirs = model.fit(reader.y, params, x=reader.x, y=reader.y, weights=1 / np.sqrt(reader.y))
    seed, ours = result.seeds["C1s"], result.fit("C1s", weights=1 / np.sqrt(reader.y[::-1]))
    drawn = curves(seed, ours.params, reader.x)
    for component in seed.components:
        line = drawn[component.name]
        if line.sum() > 0.1 * sum(drawn[other.name].sum() for other in seed.components):
            found = curve_of(reader, component.name, theirs.params)
            assert (found @ reader.x) / found.sum() == pytest.approx((line @ reader.x) / line.sum(), abs=0.05)
            assert found.sum() / line.sum() == pytest.approx(1, abs=0.1)
