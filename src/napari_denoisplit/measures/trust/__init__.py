"""Whether a split explains its image: residual, reference, verdict, trust mask."""
