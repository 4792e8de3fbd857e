from __future__ import annotations

import base64
import io
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import fakes
import numpy as np
import pytest
import xarray as xr
from PIL import Image

import xps_stn_plugin as xps
from xps_prefit_hooks import PrefitError
from xps_stn_plugin.export import html
from xps_stn_plugin.fitting import component_table, fit_quality

HOSTILE = """<script>alert("1")</script>'"&amp;<img src=x onerror=alert(1)>\x00\x1b\udcff"""

VOID = {"img", "meta", "br"}


class Reader(HTMLParser):
    """Tags with their attributes, texts by the tag that holds them; every tag must be closed in its turn."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            assert self.open, data
            self.texts.append((self.open[-1], data))

    def under(self, tag):
        return [text for name, text in self.texts if name == tag]

    @property
    def all(self):
        return " ".join(text for name, text in self.texts if name != "style")


def picture_in(text):
    return base64.b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', text)[1])


@pytest.fixture
def result(fake):
    return xps.prefit(fakes.spectrum())


@pytest.fixture
def fitted(result):
    return result.fitted()


def test_fragment_tells_what_was_found(fitted):
    read = Reader(fitted._repr_html_())
    assert ("span", "shift: ok") in read.texts
    assert ("span", "groups: ok") in read.texts
    assert ("span", "fit of C1s: ok") in read.texts
    sentence = (
        "Binding energies were measured 1.25 ± 0.06 eV too high (shift +1.25 eV); "
        "on the corrected scale aliphatic C 1s = 285.00 eV (first vibrational member)."
    )
    assert sentence in read.under("p")
    assert "Looks fine." in read.under("li")
    cells = read.under("td")
    assert cells.index("ester (aliphatic)") < cells.index("0.98") < cells.index("alkane") < cells.index("0.25")
    assert "ketone" not in cells  # 0.01
    assert "1 more is less likely." in read.all
    widths = [attrs["style"] for tag, attrs in read.tags if tag == "span" and "style" in attrs]
    assert {"width:98%", "width:25%"} <= set(widths)
    for region, seed in fitted.seeds.items():
        assert fit_quality(seed, fitted.fits[region]).line in read.all
        for row in component_table(seed, fitted.fits[region]):
            assert fitted.short_name(region, row.name) in cells
            assert f"{row.center:.3f} ± {row.stderr['center']:.3f}" in cells
            assert f"{row.center + fitted.shift:.3f} ± {row.stderr['center']:.3f}" not in cells
            assert f"{row.center + fitted.shift:.3f}" in cells
            assert f"{row.fwhm:.2f} ± {row.stderr['fwhm']:.2f}" in cells
            assert f"{100 * row.fraction_of_region:.1f}" in cells
    for share in fitted.quantification().components:
        assert f"{share.atomic_percent:.1f} ± {share.stderr:.1f}" in cells
    for element in fitted.quantification().elements:
        assert f"{element.atomic_percent:.1f} ± {element.stderr:.1f}" in cells
    items = read.under("li")
    assert len(items) == len(set(items))
    assert sum(tag == "details" for tag, _ in read.tags) == 3


def test_a_fit_that_does_not_describe_the_data_has_its_own_verdict(result):
    counts = result.axis["C1s"]["counts"]
    counts.values[:] += 1e6 * (np.arange(counts.size) > counts.size // 2)
    fitted = result.fitted()
    read = Reader(fitted._repr_html_())
    assert ("span", "shift: ok") in read.texts
    assert ("span", "fit of C1s: poor") in read.texts
    assert fitted.verdicts.worst == "poor"


def test_start_values_are_said_to_be_so_and_nothing_is_fitted(fake, result):
    read = Reader(result._repr_html_())
    assert fake.fits == []
    assert result.fits == {}
    assert read.all.count("start values, not fitted") == 2
    assert "atomic" not in read.all
    for region, seed in result.seeds.items():
        for row in component_table(seed):
            assert f"{row.center:.2f}" in read.under("td"), region


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (-0.4, "0.40 ± 0.06 eV too low (shift -0.40 eV)"),
        (0.001, "right within 0.06 eV (shift +0.00 eV)"),
        (-0.004, "right within 0.06 eV (shift -0.00 eV)"),
    ],
)
def test_shift_in_plain_words(result, shift, words):
    read = Reader(html.fragment(replace(result, prediction=replace(result.prediction, shift=shift))))
    assert f"Binding energies were measured {words}" in read.all


def test_without_a_shift_nothing_is_called_calibrated(result):
    prediction = replace(result.prediction, shift=np.nan, shift_stderr=np.nan, status="out_of_domain", groups={})
    read = Reader(html.fragment(replace(result, moved=None, prediction=prediction, evidence={})))
    assert "No shift was found, so nothing is calibrated: energies are as measured." in read.all
    assert "shift: out of domain" in read.under("span")
    assert "Functional groups: none above 0.1." in read.all
    assert "nan" not in read.all.lower()


@pytest.mark.filterwarnings("ignore:constrained_layout not applied")  # names too long for the legend
def test_hostile_texts_stay_texts(result):
    prediction = replace(
        result.prediction,
        groups={f"{HOSTILE} group": 0.9},
        reasons=(f"reason {HOSTILE}",),
        model=replace(result.prediction.model, name=HOSTILE),
    )
    seeds = {}
    for region, seed in result.seeds.items():
        components = tuple(replace(one, name=f"{region} {HOSTILE} {one.prefix}") for one in seed.components)
        seeds[region] = replace(seed, components=components, notes=(HOSTILE,))
    hostile = replace(result, source=f"C:/{HOSTILE}.csv", prediction=prediction, seeds=seeds, evidence={})
    for text in (html.fragment(hostile), html.page(hostile)):
        read = Reader(text)
        assert {tag for tag, _ in read.tags}.isdisjoint({"script", "link", "iframe", "object"})
        assert sum(tag == "img" for tag, _ in read.tags) == 1
        assert not [key for _, attrs in read.tags for key in attrs if key.startswith("on")]
        assert '<script>alert("1")</script>' in read.all  # as text
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)
        text.encode("utf-8")


def test_nothing_comes_from_elsewhere(fitted, tmp_path):
    fitted.save(tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>\n<html")
    read = Reader(text.removeprefix("<!DOCTYPE html>\n"))
    assert read.tags[0][0] == "html"
    addresses = [attrs[key] for _, attrs in read.tags for key in attrs if key in ("src", "href")]
    assert len(addresses) == 1
    assert addresses[0].startswith("data:image/png;base64,")
    assert not re.search(r"https?://|url\(|@import", re.sub(r'src="[^"]*"', "", text))
    assert html.fragment(fitted) in text


def test_picture_is_whole_and_small(fitted):
    text = html.fragment(fitted)
    assert len(text) < 300_000
    with Image.open(io.BytesIO(picture_in(text))) as picture:
        picture.load()
        assert picture.width > 900
        assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


@pytest.mark.slow
def test_many_regions_stay_small(fake):
    spectrum = fakes.spectrum()
    parts = {f"C1s_{n}" if n > 1 else "C1s": spectrum["C1s"].to_dataset() for n in range(1, 19)}
    many = xps.prefit(xr.DataTree.from_dict(parts))
    text = html.fragment(many)
    assert len(text) < 300_000
    with Image.open(io.BytesIO(picture_in(text))) as picture:
        colours = picture.convert("RGB").getcolors(1 << 20)
    # The few dots of the groups' bars are still blue among all the grey.
    assert any(blue - red > 80 for _, (red, _, blue) in colours)


def test_nothing_is_changed(fitted):
    before, fits = fitted.axis.copy(deep=True), dict(fitted.fits)
    values = {region: fit.params.valuesdict() for region, fit in fits.items()}
    fitted._repr_html_()
    xr.testing.assert_identical(fitted.axis, before)
    assert fitted.fits == fits
    assert {region: fit.params.valuesdict() for region, fit in fitted.fits.items()} == values


@pytest.mark.slow
def test_it_is_quick(fitted):
    fitted._repr_html_()
    start = time.perf_counter()
    fitted._repr_html_()
    # About 0.4 s on an idle machine: the drawing.
    assert time.perf_counter() - start < 5.0


def test_interrupted_write_leaves_nothing(result, tmp_path, monkeypatch):
    def broken(*_):
        raise PrefitError("plot", "cannot be drawn.")

    monkeypatch.setattr(html, "figure", broken)
    with pytest.raises(PrefitError, match="cannot be drawn"):
        result.save(tmp_path / "a.html")
    assert not list(tmp_path.iterdir())
    with pytest.raises(PrefitError, match="does not exist"):
        monkeypatch.undo()
        result.save(tmp_path / "none" / "a.html")
