"""Fault injection between Harvest and its client: errors, damaged responses, hostile responses."""
