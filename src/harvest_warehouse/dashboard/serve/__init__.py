"""Serve the dashboard on this machine: access control, and how the server is started."""
