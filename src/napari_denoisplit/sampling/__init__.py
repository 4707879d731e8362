"""Posterior samples of planes: latent noise fields, tiles, borders, moments."""
