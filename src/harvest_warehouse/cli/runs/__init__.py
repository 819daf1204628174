"""Commands that read Harvest or write tables, and tell how that went: sync, load, verify, build."""
