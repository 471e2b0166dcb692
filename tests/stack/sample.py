"""Throwaway functions and their manifest, for tests of the stack itself.

``web`` shows what it was called with; below ``/api/v1/other/`` answers ``web_other``. ``worker`` does what a message
asks: ``{"status": 503, "until": 3, "sleep_s": 0.1, "die": true, "put": "name"}``, where `until` is the attempt from
which it answers 204. ``ticker`` is scheduled.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.platform.ports import Event
from tests.stack.config import StackConfig
from tests.stack.stack import Stack

TOPIC = "work-topic"
NO_TESLA = {
    "auth": "http://127.0.0.1:9",
    "eu": "http://127.0.0.1:9",
    "na": "http://127.0.0.1:9",
    "cn": "http://127.0.0.1:9",
    "client_id": "sample-client",
    "client_secret": "sample-secret",
}
"""For functions that call no Tesla."""

MANIFEST = """
functions:
  web:
    entry: show
    paths: [/api/v1/echo, /api/v1/folder/]
    memory: 256Mi
    cpu: 1
    timeout_s: 2
    concurrency: 8
    instances: [0, 1]
    rights: {}
  web_other:
    entry: show_other
    paths: [/api/v1/echo/other]
    memory: 256Mi
    cpu: 1
    timeout_s: 10
    concurrency: 8
    instances: [0, 1]
    rights: {}
  worker:
    entry: work
    topic: {name: work-topic, max_age_s: 600, attempts: 5}
    memory: 256Mi
    cpu: 1
    timeout_s: 5
    concurrency: 4
    instances: [0, 1]
    rights: {publish: [sample-events]}
  ticker:
    entry: tick
    topic: {name: tick-topic, schedule: "* * * * *", max_age_s: 600, attempts: 5}
    memory: 256Mi
    cpu: 1
    timeout_s: 5
    concurrency: 1
    instances: [0, 1]
    rights: {}
outward_topics: [sample-events]
"""

_WEB = """
import os
import signal
import time

import flask

def ENTRY(request):
    if request.path == "/health":
        return "", 204
    if "sleep_s" in request.args:
        time.sleep(float(request.args["sleep_s"]))
    if "die" in request.args:
        os.killpg(os.getpgrp(), signal.SIGKILL)
    body = {
        "function": "NAME",
        "method": request.method,
        "path": request.environ["RAW_URI"],
        "headers": [list(pair) for pair in request.headers.items()],
        "body": request.get_data().decode("latin-1"),
        "pid": os.getpid(),
    }
    answer = flask.make_response(body, int(request.args.get("status", 200)))
    answer.headers.add("Set-Cookie", "a=1")
    answer.headers.add("Set-Cookie", "b=2")
    return answer
"""

_WORKER = """
import base64
import json
import os
import signal
import time
from pathlib import Path

from tests.stack import sample_ports

def ENTRY(request):
    if request.path == "/health":
        return "", 204
    push = request.get_json()
    order = json.loads(base64.b64decode(push["message"]["data"]))
    line = json.dumps({"push": push, "authorization": request.headers["Authorization"]})
    with open(Path(os.environ["STATE_DIR"]) / "NAME.jsonl", "a") as file:
        file.write(line + "\\n")
    time.sleep(order.get("sleep_s", 0))
    if order.get("die") and push["deliveryAttempt"] == 1:
        os.killpg(os.getpgrp(), signal.SIGKILL)
    for name in order.get("put", ()):
        sample_ports.blobs().put(name, b"content", content_type="text/plain")
    if push["deliveryAttempt"] < order.get("until", 1):
        return "not yet", order.get("status", 503)
    return "", 204
"""


def write_sample(folder: Path) -> Path:
    """Write manifest and functions below `folder`; gives it back."""
    files = {
        "functions.yaml": MANIFEST,
        "web/main.py": _filled(_WEB, "web", "show"),
        "web_other/main.py": _filled(_WEB, "web_other", "show_other"),
        "worker/main.py": _filled(_WORKER, "worker", "work"),
        "ticker/main.py": _filled(_WORKER, "ticker", "tick"),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def sample_stack(folder: Path, **options: Any) -> Stack:
    """A stack of the throwaway functions with its state below `folder`; it does not tick unless asked to."""
    functions = write_sample(folder / "functions")
    chosen = {"state_dir": folder / "state", "functions_dir": functions, "tesla": NO_TESLA, "tick_s": 0}
    return Stack(StackConfig(**{**chosen, **options}))


def send(stack: Stack, **order: Any) -> str:
    """Publish an order to ``worker``; gives the message id."""
    return stack.messaging.bus.publish(Event(TOPIC, json.dumps(order).encode(), {"origin": "test"}))


def received(stack: Stack, name: str = "worker") -> list[dict[str, Any]]:
    """What the function was pushed, in order: ``push`` (the envelope) and ``authorization``."""
    path = stack.state_dir / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def until(condition: Callable[[], object]) -> None:
    """Wait for it; the test's own timeout is the limit."""
    while not condition():
        time.sleep(0.005)


def _filled(text: str, name: str, entry: str) -> str:
    return text.replace("NAME", name).replace("ENTRY", entry)
