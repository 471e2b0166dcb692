"""Operator actions on the command line; not deployed."""
