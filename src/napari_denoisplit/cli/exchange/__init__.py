"""Commands that take models over from other programs, and hand them on."""
