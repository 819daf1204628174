"""Talk to Harvest: one client, paced, retried, and its answers as pages."""
