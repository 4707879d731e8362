"""Numbers about results: quality, calibration, trust, samples. No files, no torch."""
