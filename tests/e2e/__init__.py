"""Whole orders through the running stack: real HTTP, real deliveries, processes that really die."""
