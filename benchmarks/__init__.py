"""Measurements of speed and accuracy; run each as ``python -m benchmarks.NAME`` from the project's root."""
