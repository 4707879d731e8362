"""Adapting a model to recordings without truth."""
