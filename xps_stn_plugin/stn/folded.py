"""The same network, faster: normalisation folded into the convolutions, and points laid out so that they run at speed.

Folding: in evaluation a batch normalisation is a scale and an offset of each feature, which weights and bias of the
layer before it can carry (torch.nn.utils.fusion). Layout: convolutions over (n, 1, points) planes with the features
innermost in memory ("channels last") run at the speed of matrix products; one-dimensional ones do not. Predictions
agree with those of the trained network to rounding.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from .network import ResidualBlock, ShiftTransformer


def folded(network: ShiftTransformer) -> ShiftTransformer:
    """Copy of a network for prediction.

    Parameters
    ----------
    network : ShiftTransformer
        In evaluation mode, on the CPU.

    Returns
    -------
    ShiftTransformer
        Gives what `network` gives; it cannot be trained, saved or loaded.
    """
    copied = copy.deepcopy(network).eval().requires_grad_(False)
    for module in list(copied.modules()):
        if isinstance(module, nn.Sequential):
            layers = _folded_layers(module)
            del module[:]
            module.extend(layers)
    return copied


def _folded_layers(layers: nn.Sequential) -> list[nn.Module]:
    result: list[nn.Module] = []
    every: list[nn.Module | None] = [*layers, None]
    for layer, after in zip(layers, every[1:], strict=True):
        if isinstance(layer, nn.Conv1d):
            result.append(_Plane(fuse_conv_bn_eval(layer, after) if isinstance(after, nn.BatchNorm1d) else layer))
        elif isinstance(layer, nn.Linear):
            result.append(fuse_linear_bn_eval(layer, after) if isinstance(after, nn.BatchNorm1d) else layer)
        elif isinstance(layer, nn.ConvTranspose1d):
            result.append(_Plane(layer))
        elif isinstance(layer, nn.ReLU):
            result.append(nn.ReLU(inplace=True))
        elif isinstance(layer, ResidualBlock):
            result.append(_Block(layer))
        elif not isinstance(layer, nn.BatchNorm1d | nn.Dropout):
            result.append(layer)
    return result


class _Block(nn.Module):
    """A residual block that adds in place."""

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.body, self.context = block.body, block.context

    def forward(self, features: Tensor) -> Tensor:
        context = self.context(features.mean(-1)).unsqueeze(-1)
        result: Tensor = self.body(features)
        return result.add_(features).add_(context).relu_()


class _Plane(nn.Module):
    """A convolution over (n, features, points), computed over (n, features, 1, points) with the features innermost."""

    def __init__(self, convolution: nn.Conv1d | nn.ConvTranspose1d) -> None:
        super().__init__()
        self.register_buffer("weight", _features_last(convolution.weight.detach()))
        self.register_buffer("bias", None if convolution.bias is None else convolution.bias.detach())
        self.transposed = isinstance(convolution, nn.ConvTranspose1d)
        self.stride, self.dilation = convolution.stride[0], convolution.dilation[0]
        self.padding = int(convolution.padding[0])

    weight: Tensor
    bias: Tensor | None

    def forward(self, features: Tensor) -> Tensor:
        plane = _features_last(features)
        stride, padding = (1, self.stride), (0, self.padding)
        if self.transposed:
            result = functional.conv_transpose2d(plane, self.weight, self.bias, stride, padding)
        else:
            result = functional.conv2d(plane, self.weight, self.bias, stride, padding, (1, self.dilation))
        return result.squeeze(2)


def _features_last(values: Tensor) -> Tensor:
    return values.unsqueeze(2).contiguous(memory_format=torch.channels_last)
