"""Speed and memory: presets, samples, slides, networks of other programs, opening."""
