"""Sigma against error: fit, reliability, verdict."""
