"""Calibrate the sigma of a model on images that it has not seen."""
