"""HTTP client for Harvest: rate limits, retries, and parsing of answers to pages."""
