"""Shipped weights: ``*.safetensors``, with a model card and the training config beside each."""
