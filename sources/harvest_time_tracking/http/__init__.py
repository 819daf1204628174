"""HTTP client for Harvest: rate limits, retries, and parsing of responses into pages."""
