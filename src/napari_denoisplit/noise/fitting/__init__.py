"""Fits of noise models to pairs of signal and observation."""
