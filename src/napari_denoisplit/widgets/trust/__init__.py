"""The Trust page: judge a split by its residual, sigma, samples and objects."""
