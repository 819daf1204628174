"""Serve the dashboard on this machine: who may see it, and how it is started."""
