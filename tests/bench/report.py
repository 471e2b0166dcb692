"""Rendering the richest vehicle's report, as an instance does that has rendered before, beside platypus."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from shared.reports.build import render_report
from shared.reports.snapshot import Snapshot
from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.report_data import ALERTS, INVOICES, SESSIONS, VERIFY_URL, rich_snapshot
from tests.bench.sampling import interleaved, seconds
from tests.bench.sequential_script import FONTS
from tests.stack.config import ROOT

AIM_MS, AIM_RSS_MIB, AIM_KIB = 120, 100, 200
_WARM_UPS = 3
_KIB = 1024

_ALONE = """
import re, sys
from pathlib import Path
from shared.reports.build import render_report
from shared.reports.snapshot import Snapshot
render_report(Snapshot.decode(Path(sys.argv[1]).read_bytes()), fonts=Path(sys.argv[2]), verify_url=sys.argv[3])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def measure(runs: int) -> Measurement:
    """Ours and the peer's in turn, from the same snapshot to the bytes; the simulator is gone by then."""
    from tests.bench import report_platypus  # reportlab is installed for the benches alone

    snapshot = rich_snapshot()
    report_platypus.register(FONTS)
    sizes = [(len(_ours(snapshot)), len(_peer(snapshot))) for _ in range(_WARM_UPS)]
    ours, peers = interleaved(
        runs, lambda: seconds(lambda: _ours(snapshot)), lambda: seconds(lambda: _peer(snapshot))
    )
    size, peer_size = (max(each) / _KIB for each in zip(*sizes, strict=True))
    if size > AIM_KIB:
        raise Invalid(f"the report has {size:.0f} KiB, more than {AIM_KIB}")
    return Measurement(
        samples=tuple(1000 * sample for sample in ours),
        peers={"reportlab platypus": tuple(1000 * sample for sample in peers)},
        note=(
            f"{SESSIONS} charging sessions, {INVOICES} invoices, {ALERTS} alerts; PDF of {size:.0f} KiB "
            f"(platypus {peer_size:.0f} KiB) from a snapshot of {len(snapshot.encode()) / _KIB:.0f} KiB; a process "
            f"that renders one report and nothing else peaks at {peak_rss_mib(snapshot):.0f} MiB"
        ),
    )


def _ours(snapshot: Snapshot) -> bytes:
    return render_report(snapshot, fonts=FONTS, verify_url=VERIFY_URL)


def _peer(snapshot: Snapshot) -> bytes:
    from tests.bench import report_platypus

    return report_platypus.render(snapshot, FONTS, VERIFY_URL)


def peak_rss_mib(snapshot: Snapshot) -> float:
    """Peak resident memory of a process that renders once. Raises Invalid.

    Read as VmHWM: what getrusage says contains the size of the process that started this one.
    """
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder, "snapshot.json")
        stored.write_bytes(snapshot.encode())
        arguments = [sys.executable, "-c", _ALONE, str(stored), str(FONTS), VERIFY_URL]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Invalid(f"rendering alone failed: {done.stderr[-500:]}")
    return int(done.stdout) / _KIB


BENCHES = (
    Bench(
        key="report_ms",
        unit="ms",
        better="lower",
        measure=measure,
        runs=20,
        aim=f"<= {AIM_MS} ms and no slower than platypus; <= {AIM_RSS_MIB} MiB, <= {AIM_KIB} KiB",
    ),
)
