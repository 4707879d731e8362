"""Between images and napari layers: place, names, results, regions, the view."""
