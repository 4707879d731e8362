"""Noise models: held-out likelihood, memory, speed and exchange with careamics."""
