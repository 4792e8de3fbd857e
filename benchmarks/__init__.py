"""Measurements of speed and accuracy: `python -m benchmarks` lists them, `python -m benchmarks NAME` runs one."""
