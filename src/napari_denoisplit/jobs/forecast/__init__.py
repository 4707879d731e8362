"""What a split will take in memory and disk, said before it begins."""
