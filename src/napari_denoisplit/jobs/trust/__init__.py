"""Whether to believe a split: residual, objects, consensus of samples."""
