"""Settings of the simulator, read from TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._util.toml import check_entries, read_tables

Range = tuple[float, float]


@dataclass(frozen=True)
class SimulationConfig:
    """Settings of the simulator; the default file explains each entry and names its source.

    Raises
    ------
    PrefitError
        For an unknown or missing entry.
    """

    generated_structures: int
    structure_seed: int
    reference_share: float
    mixture_share: float
    mixture_size: int
    smallest_share: float
    shift_range: Range
    outsider_share: float
    inorganic_share: float
    inorganic_alone: float
    adventitious_share: float
    region_shift_sigma: float
    region_shift_strong: float
    region_shift_strong_share: float
    gain_share: float
    gain_error: float
    domain_share: float
    domain_apart: Range
    domain_part: Range
    tail_share: float
    tail_length: Range
    position_sigma: float
    generated_sigma: float
    aromatic_sigma: float
    aliphatic_sigma: float
    region_scale_sigma: float
    fwhm_floor: float
    fwhm_mean_excess: float
    fwhm_broad: Range
    fwhm_broad_share: float
    fwhm_factor: Mapping[str, float]
    fwhm_scatter: float
    lorentzian_range: Range
    huang_rhys_range: Range
    vibration_energy: float
    shake_up_energy: Range
    shake_up_share: Range
    shake_up_fwhm: Range
    oxygen_seen: float
    oxygen_sigma: float
    intensity_sigma: float
    intensity_wild_share: float
    intensity_wild_sigma: float
    contamination_share: float
    contamination_range: Range
    substrate_share: float
    substrate_energy: Range
    substrate_range: Range
    ghost_share: float
    ghost_lines: Mapping[str, tuple[Range, ...]]
    peak_counts: Range
    subtracted_share: float
    background_level: Range
    background_slope: float
    background_bend: float
    shirley_step: Range
    fault_share: float
    fault_count: int
    hot_range: Range
    coarse_share: float
    coarse_factor: int
    margin_range: Range
    cut_share: float
    cut_margin: Range
    drop_signal: Mapping[str, float]
    curious_share: float
    empty_region_share: float
    carbon_only_share: float
    single_region_share: float
    whole_share: float = 0.0

    @classmethod
    def from_mapping(cls, source: str, table: Mapping[str, Any]) -> SimulationConfig:
        """Check names and make the settings."""
        # Configurations of networks of nine core levels do not have what came after them.
        names = {field.name for field in fields(cls) if field.default is MISSING or field.name in table}
        check_entries(source, "simulation", table, names, "simulate/data/default.toml")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
        return cls(**values)

    @classmethod
    def load(cls, path: Path | None = None) -> SimulationConfig:
        """Read a TOML file with a table ``simulation``, or the default."""
        if path is None:
            text = (files(__package__) / "data" / "default.toml").read_text(encoding="utf-8")
            return cls.from_mapping("default.toml", tomllib.loads(text)["simulation"])
        return cls.from_mapping(str(path), read_tables(path, "simulation")["simulation"])

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the record."""
        return asdict(self)


def log_uniform(limits: Range, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw from a range, evenly in the logarithm."""
    low, high = np.log(limits)
    return np.exp(rng.uniform(low, high, shape))
