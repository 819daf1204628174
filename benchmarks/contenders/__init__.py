"""Programs that are measured: each loads the time entries of the account in BENCHMARK_URL into the DuckDB file it is given."""
