"""Records behind the figures: which ones an address asks for, and which address is behind a figure."""
