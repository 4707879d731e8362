"""Widgets in a real window: first split, browser of samples, lens, stop and memory."""
