"""The ladder that sees patches with their surroundings, as published; and its samples."""
