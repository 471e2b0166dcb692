"""The HTTP API: route tables, one per function."""
