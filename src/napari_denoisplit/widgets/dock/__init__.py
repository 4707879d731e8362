"""The one dock of the plugin, whose pages are the other wings."""
