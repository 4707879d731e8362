"""Phantoms: drawn cell structures with synthetic noise, for samples, demos and tests."""
