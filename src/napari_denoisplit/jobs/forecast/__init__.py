"""What a split will take in time, memory and disk, told before it begins."""
