"""The Calibration page: calibrate sigma and see what it is worth."""
