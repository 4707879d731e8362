"""Posterior samples of a result, in memory or on disk, and pictures of them."""
