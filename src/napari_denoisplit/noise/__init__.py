"""Noise models: the models, pairs to fit them to, fits, verdicts, files."""
