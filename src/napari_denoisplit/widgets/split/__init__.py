"""The Split page: split an image in memory, to disk, or under the lens."""
