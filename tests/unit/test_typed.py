"""Typed decoding may begin in many threads at once, and nothing goes around it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CROWD = """
import sys, threading
sys.setswitchinterval(1e-6)
from shared.tesla.models.table import MODELS
from shared.typed import from_plain
barrier = threading.Barrier(8)

def decode_all():
    barrier.wait()
    for model in MODELS.values():
        from_plain({}, model)

threads = [threading.Thread(target=decode_all) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_many_threads_may_decode_a_type_for_the_first_time() -> None:
    """Without the lock four of five such processes die of a segmentation fault."""
    for _ in range(5):
        result = subprocess.run([sys.executable, "-c", CROWD], cwd=ROOT, capture_output=True, check=False)
        assert result.returncode == 0, result.stderr.decode()


def test_no_module_decodes_into_types_by_itself() -> None:
    around = re.compile(r"msgspec\.(convert|json\.Decoder|msgpack\.Decoder|json\.decode\([^\n]*type=)")
    found = [path for path in (ROOT / "shared").rglob("*.py") if around.search(path.read_text())]
    assert found == [ROOT / "shared" / "typed.py"]
