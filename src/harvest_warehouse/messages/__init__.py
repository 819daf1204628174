"""Messages: numbers in words, and the steps of a run."""
