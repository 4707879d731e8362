"""The Denoise page: denoise images without a model."""
