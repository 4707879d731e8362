"""Fit and judge noise models."""
