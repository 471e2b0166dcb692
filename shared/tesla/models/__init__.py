"""Typed models of Tesla's answers, one module per subject; `shared.tesla.models.table` lists them by endpoint."""
