"""The Samples page: browse posterior samples and measure what they say."""
