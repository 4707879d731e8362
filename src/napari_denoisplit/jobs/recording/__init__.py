"""What a recording is, beside the images that a model was trained on."""
