"""Make the shipped example: poly(methyl methacrylate), charged by +2.37 eV, as a raw spectrum with background.

    python examples/make_examples.py

Simulated by this package, so that it may be shipped; needs the extra ``train`` (RDKit).
"""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np

from xps_stn_plugin.core.grid import Grid
from xps_stn_plugin.simulate.config import SimulationConfig
from xps_stn_plugin.simulate.library import LineLibrary
from xps_stn_plugin.simulate.spectra import SpectrumSimulator

PMMA = "*CC(*)(C)C(=O)OC"
CHARGING = 2.37
SEED = 4


def main() -> None:
    """Write ``pmma_charged.csv`` beside this file."""
    grid = Grid()
    config = replace(
        SimulationConfig.load(),
        mixture_share=0.0,
        outsider_share=0.0,
        shift_range=(CHARGING, CHARGING),
        region_shift_sigma=0.02,
        region_shift_strong_share=0.0,
        position_sigma=0.05,
        region_scale_sigma=0.02,
        fwhm_floor=0.95,
        fwhm_mean_excess=0.01,
        fwhm_broad_share=0.0,
        contamination_share=0.0,
        substrate_share=0.0,
        ghost_share=0.0,
        subtracted_share=0.0,
        background_level=(0.10, 0.25),
        shirley_step=(0.03, 0.05),
        peak_counts=(9000.0, 12000.0),
        margin_range=(5.0, 7.0),
        drop_signal=dict.fromkeys(grid.regions, 0.0),
        curious_share=0.0,
        coarse_share=0.0,
        carbon_only_share=0.0,
        single_region_share=0.0,
        intensity_wild_share=0.0,
    )
    batch = SpectrumSimulator(LineLibrary.build([PMMA], []), config, grid).draw(1, np.random.default_rng(SEED))
    path = Path(__file__).parent / "pmma_charged.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["region", "binding_energy_eV", "intensity"])
        for row, name in enumerate(grid.regions):
            for point in np.flatnonzero(batch.measured[0, row])[::-1]:
                writer.writerow([name, f"{grid.energies[row, point]:.2f}", f"{batch.counts[0, row, point]:.0f}"])
    print(path)


if __name__ == "__main__":
    main()
