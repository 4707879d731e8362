"""Split an image in memory; the lens; what is done when memory runs out."""
