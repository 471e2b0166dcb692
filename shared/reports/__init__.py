"""From a vehicle's snapshot to its PDF report; no I/O."""
