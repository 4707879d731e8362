"""Noise models from and to files of this program and of others."""
