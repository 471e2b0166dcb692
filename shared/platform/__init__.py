"""Ports to storage, messages, secrets and time, and what is built on them alone."""
