"""Long random runs: kills, duplicates, reordering, faults."""
