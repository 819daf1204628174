"""Commands for whoever operates an installation: its status, and the files that run it."""
