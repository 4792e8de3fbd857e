"""A plugin by somebody else: reads ``HOUSE 1`` files and takes the highest point of C 1s for aliphatic carbon."""

from __future__ import annotations

import numpy as np

from xps_prefit_hooks import ALIPHATIC_C1S, ModelInfo, Prediction, PrefitError, Reader, RegionShift, hookimpl
from xps_stn_plugin.core.spectrum import region_dataset, spectrum_tree


def _read(path, settings):
    rows = path.read_text().splitlines()[1:]
    if not rows:
        raise PrefitError(str(path), "the house file has no rows below its first line; export it anew.")
    energy, counts = np.array([row.split() for row in rows], dtype=float).T
    return spectrum_tree(str(path), {"C1s": region_dataset(str(path), energy, counts, region="C1s")})


class HousePlugin:
    @hookimpl
    def xps_prefit_readers(self):
        return [Reader("house", "house files", (".house",), lambda path, head: head.startswith(b"HOUSE 1"), _read)]

    @hookimpl
    def xps_prefit_predict(self, spectrum):
        if "C1s" not in spectrum.children:
            return None
        counts = spectrum["C1s"]["counts"]
        shift = float(counts["binding_energy"][np.argmax(counts.values)]) - ALIPHATIC_C1S
        model = ModelInfo("highest point", "1.0", "")
        return Prediction(
            shift, 0.3, {"alkane": 0.5}, "uncertain", ("Guessed.",), {"C1s": RegionShift(shift, 0.3, 0.0)}, model
        )
