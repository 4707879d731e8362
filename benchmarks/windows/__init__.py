"""Widgets in a real window: browser of samples, lens, stop and memory."""
