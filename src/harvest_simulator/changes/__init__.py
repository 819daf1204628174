"""Changes of an account as people make them: edits, creations, deletions."""
