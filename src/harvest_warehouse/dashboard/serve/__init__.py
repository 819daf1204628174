"""Serve the dashboard from this machine: access control, and launch of the server."""
