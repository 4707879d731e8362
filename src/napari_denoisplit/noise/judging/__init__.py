"""Verdicts on noise models, with their reasons."""
