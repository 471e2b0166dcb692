"""One suite for every adapter of a port: what `shared.platform.ports` says holds for each."""
