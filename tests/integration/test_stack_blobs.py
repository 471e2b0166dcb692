"""Signed downloads through the gateway."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from shared.platform.clock import SystemClock
from shared.platform.embedded.blobs import FolderBlobs
from tests.stack.embedded import BLOBS_FOLDER
from tests.stack.sample import sample_stack
from tests.stack.stack import Stack

NAME = "orders/o1/v1/a report (1).pdf"


class Yesterday(SystemClock):
    """A clock a day behind: what it signs for an hour has expired."""

    def now(self) -> datetime:
        return datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with sample_stack(tmp_path_factory.mktemp("blobs")) as running:
        yield running


def _blobs(stack: Stack, clock: SystemClock | None = None) -> FolderBlobs:
    key = stack.environment["SECRET_LOCAL_URL_KEY"].encode()
    folder = stack.state_dir / BLOBS_FOLDER
    return FolderBlobs(folder, base_url=stack.base_url, signing_key=key, clock=clock or SystemClock())


def test_a_signed_url_gives_the_object(stack: Stack) -> None:
    blobs = _blobs(stack)
    blobs.put(NAME, b"%PDF-content", content_type="application/pdf")
    url = blobs.signed_url(NAME, expires_in_s=60, download_name="Bericht für v1.pdf")
    answer = requests.get(url, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"%PDF-content")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")


def test_a_tampered_url_gives_nothing(stack: Stack) -> None:
    blobs = _blobs(stack)
    blobs.put(NAME, b"content", content_type="application/pdf")
    blobs.put("orders/o2/v1/report.pdf", b"other", content_type="application/pdf")
    url = blobs.signed_url(NAME, expires_in_s=60)
    tampered = [
        url.replace("/o1/", "/o2/").replace("a%20report%20%281%29", "report"),
        url.replace("expires=", "expires=9"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.partition("?")[0],
        f"{url}&filename=x.exe",
    ]
    assert [requests.get(each, timeout=10).status_code for each in tampered] == [403] * len(tampered)


def test_an_expired_url_gives_nothing(stack: Stack) -> None:
    blobs = _blobs(stack, Yesterday())
    blobs.put(NAME, b"content", content_type="application/pdf")
    answer = requests.get(blobs.signed_url(NAME, expires_in_s=3600), timeout=10)
    assert answer.status_code == 403
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_a_signed_url_of_no_object_is_not_found(stack: Stack) -> None:
    url = _blobs(stack).signed_url("orders/o1/nothing.pdf", expires_in_s=60)
    assert requests.get(url, timeout=10).status_code == 404
