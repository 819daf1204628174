"""Settings from dlt's configuration: the account, sections of our own, and process-wide settings."""
