"""Commands for whoever operates an installation: its status."""
