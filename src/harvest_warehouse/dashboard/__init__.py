"""Monday's answers in the browser: a marimo app on the marts. `python -m harvest_warehouse.dashboard` serves it."""
