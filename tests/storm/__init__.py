"""The storm: a simulated account and the product, days of trouble by one seed, and then calm."""
