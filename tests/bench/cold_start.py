"""Cold starts: a fresh process of an unpacked archive up to its first useful answer, beside a single file.

The first answer is the health check of an HTTP function, a ping with a verified token of a topic function, and of the
report function the richest vehicle's PDF. Both sides run in the environment that has the deploy lock alone, with
everything compiled.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec
import requests

from shared.manifest import read_manifest
from shared.packaging import build_all
from shared.reports.build import lay_out
from shared.reports.layout.typeface import Typeface
from shared.reports.readings import read
from tests.bench.model import Bench, Invalid, Measurement
from tests.bench.report_data import VERIFY_URL, rich_snapshot
from tests.bench.sampling import interleaved
from tests.bench.sequential_script import FONTS
from tests.deployed import MINIMAL, PING, Environment, compile_all, make_environment, pusher, serving, unpack
from tests.stack.config import ROOT

AIM_RATIO, RUNS = 1.35, 10
REPORT = "build_report"
PEERS = Path(__file__).parent / "cold_start_peers"
LIBRARIES = ("msgspec", "werkzeug.routing")
STORED = (*LIBRARIES, "cryptography.hazmat.primitives.ciphers.aead")
"""What an HTTP function loads that keeps sealed documents."""

Start = Callable[[], float]

_WITHIN_S = 30
_SMALLEST_PDF = 50_000
_FIRST_PDF = """
import sys
sys.path.append(sys.argv[1])
import functions_framework, main
from pathlib import Path
from shared.handlers import build_report
from shared.reports.build import render_report
from shared.reports.snapshot import Snapshot
snapshot = Snapshot.decode(Path(sys.argv[2]).read_bytes())
print(len(render_report(snapshot, fonts=Path(sys.argv[1], "fonts"), verify_url=sys.argv[3])))
"""
_MANIFEST = read_manifest(ROOT / "functions" / "functions.yaml")


def measure(name: str, runs: int) -> Measurement:
    """The function of that name and its peer in turn; a first start of each does not count."""
    environment = make_environment(Path(sys.executable))
    with tempfile.TemporaryDirectory() as scratch, _starts(name, environment, Path(scratch)) as starts:
        interleaved(1, *starts)
        samples, peers = interleaved(runs, *starts)
    return Measurement(samples=samples, peers={"one file": peers}, note=_first_answer(name))


@contextmanager
def _starts(name: str, environment: Environment, scratch: Path) -> Iterator[tuple[Start, Start]]:
    """Our start and the peer's; each gives its milliseconds. Raises Invalid when called, if an answer is wrong."""
    archives = build_all(ROOT, scratch / "package")
    ours = unpack(scratch / "package" / archives[name].object, scratch / "ours")
    if name == REPORT:
        yield _renderings(environment, ours, scratch)
        return
    peer = scratch / "peer"
    topic = _MANIFEST.functions[name].topic is not None
    peer.mkdir()
    shutil.copy(PEERS / ("push.py" if topic else "web.py"), peer / "main.py")
    for folder in (ours, peer):
        compile_all(environment, folder)
    with pusher() as google:
        settings = {**MINIMAL, **google.settings} if topic else MINIMAL
        ask = partial(_ping, google.authorization) if topic else _health
        libraries = {"LIBRARIES": ",".join(LIBRARIES if name == "partner_key" else STORED)}
        yield (
            partial(_answer_ms, environment, ours, archives[name].entry, settings, ask),
            partial(_answer_ms, environment, peer, "peer", {**settings, **libraries}, ask),
        )


def _answer_ms(
    environment: Environment, folder: Path, entry: str, settings: Mapping[str, str], ask: Callable[[str], int]
) -> float:
    started = time.perf_counter()
    with serving(environment, folder, entry, settings) as url:
        status = ask(url)
        taken_s = time.perf_counter() - started
    if status not in (requests.codes.ok, requests.codes.no_content):
        raise Invalid(f"{entry} answered {status}")
    return 1000 * taken_s


def _health(url: str) -> int:
    return requests.get(f"{url}/health", timeout=_WITHIN_S).status_code


def _ping(authorization: str, url: str) -> int:
    headers = {"Authorization": authorization, "Content-Type": "application/json"}
    return requests.post(url, data=PING, headers=headers, timeout=_WITHIN_S).status_code


def _renderings(environment: Environment, folder: Path, scratch: Path) -> tuple[Start, Start]:
    """Ours from a stored snapshot, the peer's from the finished marks of the same report."""
    snapshot, stored, marks = rich_snapshot(), scratch / "snapshot.json", scratch / "marks.json"
    stored.write_bytes(snapshot.encode())
    flow = lay_out(read(snapshot, VERIFY_URL), Typeface.of(FONTS))
    marks.write_bytes(msgspec.json.encode([[(type(m).__name__, *m) for m in sheet.marks] for sheet in flow.sheets]))
    peer = shutil.copy(PEERS / "pdf.py", folder / "pdf_peer.py")
    compile_all(environment, folder)
    return (
        partial(_process_ms, environment, "-c", _FIRST_PDF, folder, stored, VERIFY_URL),
        partial(_process_ms, environment, peer, marks, FONTS, VERIFY_URL),
    )


def _process_ms(environment: Environment, *arguments: str | Path) -> float:
    started = time.perf_counter()
    done = subprocess.run([environment.python, *arguments], capture_output=True, text=True, check=False)
    taken_s = time.perf_counter() - started
    if done.returncode or int(done.stdout) < _SMALLEST_PDF:
        raise Invalid(f"no PDF: {done.stderr[-500:]}")
    return 1000 * taken_s


def _first_answer(name: str) -> str:
    if name == REPORT:
        return "first PDF of the richest vehicle; the peer draws finished marks and is spared analysis and layout"
    return "first ping with a verified token" if _MANIFEST.functions[name].topic else "first health check"


BENCHES = tuple(
    Bench(
        key=f"cold_start_ms_{name}",
        unit="ms",
        better="lower",
        measure=partial(measure, name),
        runs=RUNS,
        aim=f"<= {AIM_RATIO} x the same libraries and work in one file",
    )
    for name in _MANIFEST.functions
)
