"""What a split gives: one value from memory, from files or from layers; its files and pictures."""
