"""Text formatting for messages, and progress callbacks of a run."""
