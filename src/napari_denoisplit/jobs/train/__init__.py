"""Train a splitting model: preparation, the loop, validation."""
