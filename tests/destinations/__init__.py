"""The same company on every destination: what is loaded, changed, synced, verified and built there is the same everywhere."""
