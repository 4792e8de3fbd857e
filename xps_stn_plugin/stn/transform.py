"""The rigid 1-D spatial transform: a common shift of all channels, no stretching."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def shift_axis(channels: Tensor, shift: Tensor, step: float) -> Tensor:
    """Undo a shift: what was measured at E + shift comes to lie at E.

    Linear interpolation by `torch.nn.functional.grid_sample` (Jaderberg et al. 2015, Spatial Transformer Networks, with
    the affine map held to a translation).

    Parameters
    ----------
    channels : Tensor, shape (n, channels, points)
        On a grid of distance `step`.
    shift : Tensor, shape (n,)
        Measured minus true binding energy in eV.
    step : float
        Distance of grid points in eV.

    Returns
    -------
    Tensor, shape (n, channels, points)
        Zero where the shifted axis leaves the grid.
    """
    points = channels.shape[-1]
    # Normalised coordinates run over 2 for `points` grid distances (align_corners=False).
    translation = 2 * shift / (step * points)
    theta = torch.zeros(shift.shape[0], 2, 3, dtype=channels.dtype, device=channels.device)
    theta[:, 0, 0] = 1
    theta[:, 1, 1] = 1
    theta[:, 0, 2] = translation
    planes = channels.unsqueeze(2)
    where = functional.affine_grid(theta, list(planes.shape), align_corners=False)
    return functional.grid_sample(planes, where, padding_mode="zeros", align_corners=False).squeeze(2)
