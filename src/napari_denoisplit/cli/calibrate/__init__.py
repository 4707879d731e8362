"""The command `denoisplit calibrate`: the command itself, and its report."""
