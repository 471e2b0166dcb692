"""Tesla Fleet API backend: vehicle health reports and a Powerwall fleet."""
