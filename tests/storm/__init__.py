"""Storm tests: a simulated account and the product through days of seeded faults, then recovery without faults."""
