"""Commands for whoever operates an installation: its login, its status, and the files that run it."""
