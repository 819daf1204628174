"""What people do in an account: edits, creations, deletions."""
