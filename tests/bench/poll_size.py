"""One tick over a fleet of some size in a process of its own, which imports nothing but the service.

`python -m tests.bench.poll_size URL CA_FILE SITES` prints a `Load` as JSON.
"""

from __future__ import annotations

import resource
import sys
import time

import msgspec

from tests.bench.poll_place import fleet_place

MODULE = "tests.bench.poll_size"


class Load(msgspec.Struct, frozen=True):
    """One tick over a fleet of some size: seconds, peak memory, operations of the store per tick."""

    sites: int
    wall_s: float
    cpu_s: float
    peak_mb: float
    reads: int
    writes: int


def measured(url: str, ca_file: str, sites: int) -> Load:
    """The second tick of a new fleet. Raises SystemExit when a site is missing."""
    with fleet_place(url, ca_file, sites, connections=32, side_by_side=2) as place:
        place.poll()
        place.store.operations.clear()
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        place.poll()
        wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
        done = dict(place.store.operations)
        if place.outcomes() != {"ok": sites}:
            raise SystemExit(f"the tick gave {dict(place.outcomes())}")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Load(sites, wall_s, cpu_s, peak_mb, done.get("reads", 0), done.get("writes", 0))


if __name__ == "__main__":
    load = measured(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.stdout.write(msgspec.json.encode(load).decode() + "\n")
