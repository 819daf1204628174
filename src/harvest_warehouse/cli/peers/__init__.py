"""Commands for those who come from another product: tables in its layout, a comparison with its copy, and what only that has."""
