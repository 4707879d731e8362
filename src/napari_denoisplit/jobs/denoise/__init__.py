"""Denoise images by a network that learns from them alone (Noise2Void)."""
