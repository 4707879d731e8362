"""Images as values: axes, places, channels; their files, samples and training pixels."""
