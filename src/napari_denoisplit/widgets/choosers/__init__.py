"""Controls that choose what to work on: layer, files, channels, model, region."""
