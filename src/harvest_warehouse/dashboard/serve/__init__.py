"""Access to the dashboard: who is answered."""
