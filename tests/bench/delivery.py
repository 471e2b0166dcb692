"""From the publishing of a message to the start of its push request, on the embedded backend."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.model import Bench, Invalid, Measurement
from tests.stack.delivery import Attempt
from tests.stack.sample import sample_stack, send
from tests.stack.stack import Stack

_WARM_UPS = 5
_WITHIN_S = 10.0
_LOOK_S = 0.002
_LONGEST_PAUSE_S = 0.03


def measure(runs: int) -> Measurement:
    """One message at a time, each after a pause of random length, so that no sample follows another's rhythm."""
    with tempfile.TemporaryDirectory() as folder, sample_stack(Path(folder)) as stack:
        for _ in range(_WARM_UPS):
            _delivered(stack)
        pairs = [_delivered(stack) for _ in range(runs)]
    waited = tuple(1000 * (attempt.started - sent).total_seconds() for sent, attempt in pairs)
    answered = statistics.median(1000 * attempt.duration_s for _, attempt in pairs)
    return Measurement(
        samples=waited, note=f"one message at a time; the push itself is answered in {answered:.1f} ms"
    )


def _delivered(stack: Stack) -> tuple[datetime, Attempt]:
    """The moment before a message was published, and its push request. Raises Invalid."""
    time.sleep(random.uniform(0, _LONGEST_PAUSE_S))
    sent = datetime.now(UTC)
    message_id = send(stack)
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        for attempt in reversed(stack.deliveries):
            if attempt.message_id == message_id:
                return sent, attempt
        time.sleep(_LOOK_S)
    raise Invalid(f"message {message_id} was not delivered within {_WITHIN_S:g} s")


BENCHES = (Bench(key="delivery_ms", unit="ms", better="lower", measure=measure, runs=100),)
