"""The Powerwall fleet: enrolled energy sites, their polling, what they could deliver, tariffs and dispatch."""
