"""Settings: what dlt's configuration says of the account, of our own sections, and of this process."""
