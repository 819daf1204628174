"""Text for messages, and progress steps of a run."""
