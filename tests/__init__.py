"""Tests, and the tools they run: a Fleet API simulator and Google's services on one machine."""
