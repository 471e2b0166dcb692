"""Verifying a report: what anybody who holds a PDF or only its id is told, and what nobody is."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pypdfium2
import pytest

from shared import bootstrap
from tests.lab import Lab, Reply

FIELDS = {"report_id", "known", "built_at", "verdict", "issued_at"}
NOTHING = {"known": False, "built_at": None, "issued_at": None}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
OTHER = "0" * 64
DAY_S = 86_400


def _verify(lab: Lab, report_id: str, sha256: str = "", **options: Any) -> Reply:
    query = f"?sha256={sha256}" if sha256 else ""
    return lab.call("GET", f"/api/v1/reports/{report_id}/verify{query}", **options)


def _verdict(lab: Lab, report_id: str, sha256: str) -> str:
    reply = _verify(lab, report_id, sha256)
    assert reply.status == 200, reply.text
    verdict: str = reply.body["verdict"]
    return verdict


def _pdf(order_id: str) -> bytes:
    return bootstrap.blobs().get(f"orders/{order_id}/v1/report.pdf")


def _done(lab: Lab, package: str = "basic") -> tuple[str, str, str]:
    """A finished order of one vehicle: its id, its grant and the digest of its PDF."""
    order_id, grant = lab.start(package, vehicles=("v1",))
    lab.pump()
    return order_id, grant, hashlib.sha256(_pdf(order_id)).hexdigest()


def test_the_report_leads_to_its_own_verification(lab: Lab) -> None:
    order_id, _grant, sha256 = _done(lab)
    document = pypdfium2.PdfDocument(_pdf(order_id))
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    found = re.search(r"http://127\.0\.0\.1:9(/api/v1/reports/[a-z0-9.]+/verify)", re.sub(r"\s", "", text))
    assert found is not None
    assert found[1] == f"/api/v1/reports/{order_id}.v1/verify"
    assert lab.call("GET", f"{found[1]}?sha256={sha256}").body["verdict"] == "genuine"


def test_a_known_report_is_said_to_be_known_and_when_it_was_made(lab: Lab) -> None:
    order_id, grant, _sha256 = _done(lab)
    reply = _verify(lab, f"{order_id}.v1")
    assert reply.status == 200
    assert set(reply.body) == FIELDS
    assert (reply.body["known"], reply.body["verdict"]) == (True, None)
    assert reply.body["built_at"] == lab.view(order_id, grant)["vehicles"][0]["report"]["built_at"] is not None


def test_the_reports_own_digest_is_genuine_however_it_is_written(lab: Lab) -> None:
    order_id, _grant, sha256 = _done(lab)
    for written in (sha256, sha256.upper(), f"%20{sha256}%0A"):
        reply = _verify(lab, f"{order_id}.v1", written)
        assert (reply.body["known"], reply.body["verdict"]) == (True, "genuine")
        assert reply.body["issued_at"] == reply.body["built_at"]


def test_other_bytes_of_a_known_report_are_no_file_that_was_ever_made(lab: Lab) -> None:
    order_id, _grant, _sha256 = _done(lab)
    changed = hashlib.sha256(_pdf(order_id) + b" ").hexdigest()
    reply = _verify(lab, f"{order_id}.v1", changed)
    assert (reply.body["verdict"], reply.body["issued_at"]) == ("replaced", None)


def test_one_vehicles_report_is_not_the_others(lab: Lab) -> None:
    order_id, grant = lab.start("basic")
    lab.pump()
    first, second = [vehicle["report"]["sha256"] for vehicle in lab.view(order_id, grant)["vehicles"]]
    assert _verdict(lab, f"{order_id}.v1", first) == "genuine"
    assert _verdict(lab, f"{order_id}.v1", second) == "replaced"


def test_a_report_is_verifiable_before_its_order_has_ended(lab: Lab) -> None:
    lab.simulator.accounts[0].vehicles[1].state = "asleep"
    order_id, grant = lab.start("basic")
    lab.pump()
    view = lab.view(order_id, grant)
    assert (view["status"], [vehicle["status"] for vehicle in view["vehicles"]]) == ("running", ["ready", "waiting"])
    assert _verdict(lab, f"{order_id}.v1", view["vehicles"][0]["report"]["sha256"]) == "genuine"
    assert _verify(lab, f"{order_id}.v2").body == NOTHING | {"report_id": f"{order_id}.v2", "verdict": None}


@pytest.mark.parametrize("sha256", ["", OTHER])
def test_what_was_never_made_is_answered_like_what_was_erased(lab: Lab, sha256: str) -> None:
    order_id, grant, made = _done(lab)
    assert lab.call("DELETE", f"/api/v1/orders/{order_id}", grant=grant).status == 202
    asked = [f"{order_id}.v1", f"{'z' * 20}.v1", f"{order_id}.v7", "nonsense", "a.b.c", "__x__", "v1", "A" * 200]
    for report_id in asked:
        for digest in {sha256, made if sha256 else ""}:
            reply = _verify(lab, report_id, digest)
            verdict = "unknown" if digest else None
            assert reply.status == 200
            assert reply.body == NOTHING | {"report_id": report_id, "verdict": verdict}


@pytest.mark.settings(ORDER_DAYS=2)
def test_a_report_past_its_retention_is_unknown_before_it_is_swept(lab: Lab) -> None:
    order_id, _grant, sha256 = _done(lab)
    lab.clock.sleep(2 * DAY_S)
    assert _verdict(lab, f"{order_id}.v1", sha256) == "unknown"


@pytest.mark.parametrize("sha256", ["0", "z" * 64, "0" * 63, "0" * 65, "0" * 101, f"{OTHER}&sha256={OTHER}"])
def test_what_is_no_digest_is_refused_by_name(lab: Lab, sha256: str) -> None:
    order_id, _grant, _made = _done(lab)
    reply = _verify(lab, f"{order_id}.v1", sha256)
    assert (reply.status, reply.body["type"].rsplit("/", 1)[-1]) == (400, "invalid-query")
    assert "sha256" in reply.body["detail"]


@pytest.mark.parametrize("report_id", ["%22%3E%3Cscript%3E", "x" * 201, "a%20b"])
def test_what_no_id_could_be_is_not_found(lab: Lab, report_id: str) -> None:
    assert _verify(lab, report_id).status == 404


def test_nothing_personal_is_told(lab: Lab) -> None:
    order_id, _grant, sha256 = _done(lab)
    account = lab.simulator.accounts[0]
    for headers in ({}, BROWSER):
        text = _verify(lab, f"{order_id}.v1", sha256, headers=headers).text
        for secret in (account.vehicles[0].vin, account.vehicles[0].vin[-6:], account.email, account.name):
            assert secret not in text


@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (BROWSER["Accept"], True),
        ("text/html", True),
        ("*/*", False),
        ("application/json", False),
        ("", False),
        ("application/json, text/html;q=0.9", False),
    ],
)
def test_a_browser_gets_a_page_and_a_machine_gets_json(lab: Lab, accept: str, *, page: bool) -> None:
    order_id, _grant, sha256 = _done(lab)
    reply = _verify(lab, f"{order_id}.v1", sha256, headers={"Accept": accept} if accept else {})
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/html" if page else "application/json")
    assert "Accept" in reply.headers["Vary"]


def test_the_page_runs_its_own_script_and_nothing_else(lab: Lab) -> None:
    order_id, _grant, sha256 = _done(lab)
    reply = _verify(lab, f"{order_id}.v1", sha256, headers=BROWSER)
    policy = dict(part.split(" ", 1) for part in reply.headers["Content-Security-Policy"].split("; "))
    (script,) = re.findall(r"<script>(.*?)</script>", reply.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'sha256-{digest}'"
    assert (policy["default-src"], policy["frame-ancestors"]) == ("'none'", "'none'")
    assert policy["form-action"] == "'self'"
    assert not re.search(r"\son[a-z]+=|https?://|javascript:", reply.text)


def test_the_page_works_without_its_script(lab: Lab) -> None:
    order_id, _grant, _sha256 = _done(lab)
    text = _verify(lab, f"{order_id}.v1", headers=BROWSER).text
    form = re.search(r'<form method="get">.*?</form>', text)
    assert form is not None
    assert 'name="sha256"' in form[0]
    assert '<section id="pick" hidden>' in text  # what needs the script is not offered


def test_the_page_says_each_verdict_in_words(lab: Lab) -> None:
    order_id, _grant, sha256 = _done(lab)
    asked = {
        (f"{order_id}.v1", ""): "This report exists",
        (f"{order_id}.v1", sha256): "Genuine",
        (f"{order_id}.v1", OTHER): "Not the file that was made",
        (f"{'z' * 20}.v1", ""): "No such report",
        (f"{'z' * 20}.v1", sha256): "No such report",
    }
    for (report_id, digest), words in asked.items():
        reply = _verify(lab, report_id, digest, headers=BROWSER)
        assert reply.status == 200
        assert words in reply.text


def test_a_bad_digest_typed_by_hand_is_said_on_the_page(lab: Lab) -> None:
    order_id, _grant, _sha256 = _done(lab)
    reply = _verify(lab, f"{order_id}.v1", "%3Cb%3E", headers=BROWSER)
    assert reply.status == 400
    assert "no SHA-256 digest" in reply.text
    assert "<b>" not in reply.text.split("</style>")[1].split("<dl>")[0]
