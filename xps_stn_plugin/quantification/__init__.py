"""Atomic percent of elements and components, and comparison of the regions' estimates of one group.

`quantify` takes a fitted result and returns a `Quantification`. Its ``to_dict()`` holds finite numbers, or None where
a number cannot be had, and goes into JSON as it is::

    {"sensitivity": {"name": "scofield", "citation": "..."},
     "transmission": 0.0,                  # exponent of the kinetic energy in the analyser's transmission
     "escape_depth": 0.0,                  # exponent of the kinetic energy in the inelastic mean free path
     "elements": [{"symbol": "C", "region": "C1s", "atomic_percent": 71.4, "stderr": 0.3}],
     "components": [{"region": "C1s", "name": "C1s O-C=O", "groups": ["ester (aliphatic)"], "assigned": true,
                     "atomic_percent": 14.2, "stderr": 0.2,
                     "percent_of_region": 19.9, "percent_of_region_stderr": 0.3}],
     "comparisons": [{"group": "ester (aliphatic)",
                      "estimates": [{"region": "C1s", "components": ["C1s O-C=O"], "amount": 14.2, "stderr": 0.2}],
                      "disagreement_percent": 3.1, "disagreement_sigma": 1.2, "agrees": true,
                      "sentence": "..."}],
     "notes": ["..."]}

Elements come in descending percentage, components by element and ascending binding energy. ``amount`` is in groups per
100 atoms; each comparison has two estimates or more. Standard errors are those of the fits; ``agrees`` is None where
they are missing.
"""

from __future__ import annotations

from .comparison import Comparison, Estimate
from .composition import ComponentShare, ElementShare, Quantification, quantify, quantify_fits
from .sensitivity import SensitivityFactor, SensitivitySet, sensitivity_set, sensitivity_sets
from .transmission import ESCAPE_DEPTH_EXPONENT

__all__ = [
    "ESCAPE_DEPTH_EXPONENT",
    "Comparison",
    "ComponentShare",
    "ElementShare",
    "Estimate",
    "Quantification",
    "SensitivityFactor",
    "SensitivitySet",
    "quantify",
    "quantify_fits",
    "sensitivity_set",
    "sensitivity_sets",
]
