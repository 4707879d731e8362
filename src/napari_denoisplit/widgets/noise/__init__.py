"""The Noise model page: fit, judge, compare noise models."""
