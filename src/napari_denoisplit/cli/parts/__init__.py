"""What commands share: files, options made from settings, the terminal, errors."""
