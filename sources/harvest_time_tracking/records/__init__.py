"""Convert Harvest's JSON to typed rows: columns, names, values."""
