"""Archives as they run in the cloud: unpacked, in an environment that holds the deploy lock and nothing else.

An environment is made once per lock and Python and kept under `build/`; making one takes half a minute.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.stack.config import ROOT
from tests.stack.identity import Identity
from tests.stack.keychain import new_signing_key
from tests.unit.edge import key_server

LOCK = ROOT / "requirements.txt"
"""The Python of the deployed runtime."""
PUSHER = "pusher@example.iam.gserviceaccount.com"
AUDIENCE = "https://function.example.com"
MINIMAL = {
    "GOOGLE_CLOUD_PROJECT": "a-project",
    "BUCKET": "a-bucket",
    "PUBLIC_URL": "https://api.example.com",
}
PING = b'{"message": {"attributes": {"ping": "true"}, "messageId": "1"}, "subscription": "s"}'

_STARTED = re.compile(r"Listening at: (http://127\.0\.0\.1:\d+)")
_WITHIN_S = 60.0
_LOOK_S = 0.002
_GRACE_S = 10.0


class NotStarted(Exception):
    """A function did not come up; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A Python with the deploy lock. `folder` is the virtual environment's."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.folder / "bin" / "python"

    @property
    def server(self) -> Path:
        """functions-framework, started as the cloud starts it: by its script, which adds no folder of ours."""
        return self.folder / "bin" / "functions-framework"


@dataclass(frozen=True, slots=True)
class Pusher:
    """The account that pushes messages: what a function has to know of it, and its Authorization header."""

    settings: Mapping[str, str]
    authorization: str


def make_environment(python: Path) -> Environment:
    """The environment of that interpreter and the present lock. Raises CalledProcessError with pip's last words."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    environment = Environment(ROOT / "build" / f"venv-deploy-{_release(python)}-{key}")
    environment.folder.parent.mkdir(exist_ok=True)
    ready = environment.folder / ".ready"
    with environment.folder.with_name(f"{environment.folder.name}.lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not ready.exists():
            _run(str(python), "-m", "venv", "--clear", "--without-pip", str(environment.folder))
            pip(environment, "install", "--require-hashes", "--quiet", "-r", str(LOCK))
            ready.touch()
    return environment


def pip(environment: Environment, *arguments: str) -> None:
    """Run our pip on an environment that has none. Raises CalledProcessError."""
    options = ("--python", str(environment.python), "--disable-pip-version-check", "--no-input")
    _run(sys.executable, "-m", "pip", *options, *arguments)


def unpack(archive: Path, folder: Path) -> Path:
    """The folder with the archive's files in it."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return folder


def compile_all(environment: Environment, folder: Path) -> None:
    """What the build of a function does last: .pyc files for all it unpacked."""
    _run(str(environment.python), "-m", "compileall", "-q", str(folder))


@contextmanager
def serving(environment: Environment, folder: Path, entry: str, settings: Mapping[str, str]) -> Iterator[str]:
    """The function of an unpacked archive under functions-framework, with these settings and no other; gives its URL.

    Raises NotStarted.
    """
    log = folder.parent / f"{folder.name}.log"
    framework = {"FUNCTION_TARGET": entry, "HOST": "127.0.0.1", "PORT": "0", "GUNICORN_LOG_LEVEL": "info"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [environment.server],
            cwd=folder,
            env={**framework, "HOME": str(folder.parent), **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield _url(process, log)
    finally:
        _stop(process)


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + _WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        if found := _STARTED.search(log.read_text(errors="replace")):
            return found[1]
        time.sleep(_LOOK_S)
    raise NotStarted(log.read_text(errors="replace")[-2000:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and its workers."""
    process.terminate()
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def pusher() -> Iterator[Pusher]:
    """An issuer on this machine for the account that pushes messages."""
    identity = Identity(new_signing_key())
    with key_server() as keys:
        keys.publish(*identity.key_set()["keys"])
        settings = {"PUSHER": PUSHER, "OIDC_AUDIENCE": AUDIENCE, "OIDC_JWKS_URL": keys.url}
        yield Pusher(settings, f"Bearer {identity.token(PUSHER, AUDIENCE)}")


def _release(python: Path) -> str:
    """Its full version; empty when it does not start."""
    if python == Path(sys.executable):
        return platform.python_version()
    asked = [str(python), "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout[-2000:], done.stderr[-2000:])
