"""Dispatch of the fleet: signals, plans, commands that are proven, and every home left as it was found."""
