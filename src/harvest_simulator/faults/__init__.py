"""Fault injection between Harvest and its client: errors, damaged answers, hostile answers."""
