"""Pixels for training: fields, parts, patches, statistics, data for noise models."""
