"""Entry points of the deployed functions, one folder each."""
