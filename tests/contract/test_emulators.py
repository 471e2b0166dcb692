"""The emulators themselves: what is missing, what is kept, and that nothing outlives its starter."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.platform.errors import NotFound
from shared.platform.gcp import clients
from shared.platform.gcp.documents import FirestoreDocuments
from tests.contract import harness
from tests.stack.emulators import PROJECT, Emulators, missing

_ROOT = Path(__file__).resolve().parents[2]
_STARTER = """
import os, signal
from tests.stack.emulators import Emulators
with Emulators() as emulators:
    print(*emulators.environment.values(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_missing_is_named_with_its_remedy(tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path), "FIRESTORE_EMULATOR_JAR": "/none.jar", "PUBSUB_EMULATOR_JAR": "/none.jar"}
    sentences = missing(nowhere)
    for expected in ("default-jre-headless", "FIRESTORE_EMULATOR_JAR", "PUBSUB_EMULATOR_JAR"):
        assert any(expected in sentence for sentence in sentences)
    assert all("embedded" in sentence for sentence in sentences)


def test_a_named_jar_and_java_home_come_first(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch()
    jar = tmp_path / "emulator.jar"
    jar.touch()
    environ = {
        "PATH": "",
        "JAVA_HOME": str(tmp_path),
        "FIRESTORE_EMULATOR_JAR": str(jar),
        "PUBSUB_EMULATOR_JAR": str(jar),
    }
    assert not [sentence for sentence in missing(environ) if "fake-gcs-server" not in sentence]


@pytest.mark.emulators
def test_documents_and_objects_are_kept_across_an_orderly_stop(emulators: Emulators, tmp_path: Path) -> None:
    for number in range(2):
        with Emulators(tmp_path) as kept:
            client = clients.firestore_client(kept.environment)
            documents = FirestoreDocuments(client, project=PROJECT)
            bucket = clients.storage_client(kept.environment).bucket("kept")
            if number == 0:
                documents.create("a", "b", {"sealed": b"\x00", "n": 1})
                bucket.create()
                bucket.blob("x/y").upload_from_string(b"object")
            found = documents.get("a", "b")
            assert found is not None
            assert found.body == {"sealed": b"\x00", "n": 1}
            assert bucket.blob("x/y").download_as_bytes() == b"object"
            client.transport.close()


@pytest.mark.emulators
def test_nothing_outlives_a_starter_that_is_killed(emulators: Emulators) -> None:
    run = subprocess.run([sys.executable, "-c", _STARTER], cwd=_ROOT, capture_output=True, text=True, check=False)
    addresses = run.stdout.split()[1:]
    assert len(addresses) == 4
    ports = [address.rpartition(":")[2] for address in addresses]
    deadline = time.monotonic() + 30
    while left := [line for line in _command_lines() if any(port in line for port in ports)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _command_lines() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


@pytest.mark.emulators
@pytest.mark.parametrize("adapter", ["gcp"], indirect=True)
def test_latest_is_the_newest_version_even_when_disabled(secrets: harness.Secrets) -> None:
    secrets.add("key", "first")
    secrets.disable("key", secrets.add("key", "second"))
    assert secrets.store.get("key").version == 1
    with pytest.raises(NotFound):
        secrets.store.get("key", 2)
