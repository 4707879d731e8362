"""What napari finds through the manifest: readers, writers and sample data."""
