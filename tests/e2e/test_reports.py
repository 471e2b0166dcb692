"""What an owner and a stranger can do with a finished report over HTTP."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import Any

import pytest
import requests

from shared.orders import names
from tests.e2e.place import WITHIN_S, Customer, Place, restarted, until

pytestmark = pytest.mark.stack


def _verified(owner: Customer, sha256: str, **headers: str) -> requests.Response:
    """What a stranger is told: nobody's grant is sent along."""
    url = f"{owner.base_url}{names.verify_path(owner.order_id, 'v1')}"
    return requests.get(url, params={"sha256": sha256}, headers=headers, timeout=WITHIN_S)


def _downloaded(owner: Customer, leaf: str) -> bytes:
    link = owner.call("GET", f"{owner.path}/vehicles/v1/{leaf}")
    reply = requests.get(link["url"], timeout=WITHIN_S)
    assert reply.status_code == 200
    assert hashlib.sha256(reply.content).hexdigest() == link["sha256"]
    return reply.content


def _rebuilt(owner: Customer) -> Any:
    """The vehicle once its report was made anew."""

    def done() -> Any:
        vehicle = owner.view()["vehicles"][0]
        return vehicle if vehicle["rebuilds"] and vehicle["status"] == "ready" else None

    return until(done, "the report is rebuilt")


def test_a_downloaded_report_is_genuine_for_everybody(place: Place) -> None:
    owner = place.ordered("basic", vehicles=("v1",))
    owner.wait(WITHIN_S)
    pdf = _downloaded(owner, "report")
    assert _verified(owner, hashlib.sha256(pdf).hexdigest()).json()["verdict"] == "genuine"
    assert _verified(owner, hashlib.sha256(pdf + b"\n").hexdigest()).json()["verdict"] == "replaced"
    page = _verified(owner, hashlib.sha256(pdf).hexdigest(), Accept="text/html")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Genuine" in page.text


def test_a_rebuild_whose_worker_is_killed_is_finished_and_asks_tesla_for_nothing(place: Place) -> None:
    owner = place.ordered("basic", vehicles=("v1",))
    owner.wait(WITHIN_S)
    before, calls = _downloaded(owner, "report"), len(place.calls(owner))
    restarted(place.stack, "build_report", CRASH_AT="build_report:documents.replace:1")
    deaths = len(place.stack.deaths)
    owner.call("POST", f"{owner.path}/vehicles/v1/rebuild", status=202)
    assert _rebuilt(owner)["report"]["sha256"] == hashlib.sha256(before).hexdigest()
    assert place.stack.deaths[deaths:] == [("build_report", -9)]
    assert _downloaded(owner, "report") == before
    assert len(place.calls(owner)) == calls


def test_all_invoices_come_in_one_download(place: Place) -> None:
    owner = place.ordered("charging", vehicles=("v1",))
    view = owner.wait(WITHIN_S)
    with zipfile.ZipFile(io.BytesIO(_downloaded(owner, "invoices.zip"))) as archive:
        invoices = [name for name in archive.namelist() if name.endswith(".pdf")]
        assert len(invoices) == view["vehicles"][0]["invoices"]["ok"] > 0
        assert all(archive.read(name).startswith(b"%PDF-") for name in invoices)
