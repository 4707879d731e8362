"""The Batch page: split every image of a folder."""
