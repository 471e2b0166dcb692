"""Which renderer wrote a report."""

from __future__ import annotations

RENDERER_VERSION = "2"
"""Raised with every change that changes the bytes of a report made from the same snapshot."""
