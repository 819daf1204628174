"""Rows of an account, and the arithmetic that Harvest does with them."""
