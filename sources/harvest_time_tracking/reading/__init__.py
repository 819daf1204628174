"""Reading of streams: read plan, paging, proof of completeness, and stream state."""
