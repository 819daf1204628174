"""The warehouse: a Harvest account in the user's own database, by command or by import."""
