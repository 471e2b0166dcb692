"""What the readings mean: pure functions from typed readings to figures with their source."""
