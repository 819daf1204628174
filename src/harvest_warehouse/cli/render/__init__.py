"""Render the results of commands as tables for a terminal, as lines, and as JSON."""
