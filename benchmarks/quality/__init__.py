"""Quality of splits: PSNR, calibration, trust, number of samples, seams, denoising."""
