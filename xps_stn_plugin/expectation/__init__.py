"""What the user knows of a sample, put together with what the network reads from its spectrum."""

from __future__ import annotations

from .pattern import PatternShift, shift_by_pattern
from .steering import fixed_groups, shift_of_lines, steered

__all__ = ["PatternShift", "fixed_groups", "shift_by_pattern", "shift_of_lines", "steered"]
