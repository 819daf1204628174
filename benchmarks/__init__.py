"""How fast, how heavy and how frugal a load is, beside dltHub's own example and the bare floor. `make benchmark`."""
