"""What a command found: as tables for a terminal, as lines, and as JSON."""
