"""Pairs of signal and observation: where the signal comes from."""
