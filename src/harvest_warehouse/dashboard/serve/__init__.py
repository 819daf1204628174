"""Server of the dashboard: who is answered, with what, and from which state of the database."""
