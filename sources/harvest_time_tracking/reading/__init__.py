"""What to ask, in which order, and whether a list was shown whole."""
