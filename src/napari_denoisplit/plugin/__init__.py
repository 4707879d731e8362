"""What napari finds through the manifest: sample data and the writer."""
