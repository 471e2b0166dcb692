"""BlobStore: URLs that anyone may read for a while."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from google.oauth2.credentials import Credentials

from shared.platform.embedded.signed_urls import UrlSigner
from shared.platform.gcp import url_signing
from shared.platform.gcp.url_signing import through_iam
from shared.platform.limits import attachment
from tests.contract import harness, signed_v4
from tests.contract.clock import HeldClock

_NAME = "orders/o 1/Größe?.pdf"


@pytest.fixture
def url(blobs: harness.Blobs) -> str:
    blobs.store.put(_NAME, b"%PDF", content_type="application/pdf")
    return blobs.store.signed_url(_NAME, expires_in_s=600, download_name="My report (1).pdf")


def test_a_signed_url_is_served(blobs: harness.Blobs, url: str) -> None:
    assert blobs.served(url)
    assert blobs.served(blobs.store.signed_url(_NAME, expires_in_s=1))


def test_a_signed_url_expires(blobs: harness.Blobs, url: str) -> None:
    blobs.clock.sleep(590)
    assert blobs.served(url)
    blobs.clock.sleep(11)
    assert not blobs.served(url)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("orders", "0rders"),
        ("600", "60000"),
        ("My", "Your"),
        ("ignature=", "ignature=00"),
    ],
)
def test_a_changed_url_is_not_served(blobs: harness.Blobs, url: str, part: str, other: str) -> None:
    if part not in url:
        part, other = "expires=", "expires=9"
    assert part in url
    assert not blobs.served(url.replace(part, other))


def test_the_download_name_is_in_the_url(url: str) -> None:
    query = parse_qs(urlsplit(url).query)
    named = query.get("filename") or query["response-content-disposition"]
    assert "My report (1).pdf" in named[0]


@pytest.mark.parametrize("seconds", [0, -1, 7 * 24 * 3600 + 1])
def test_a_lifetime_beyond_a_week_is_refused(blobs: harness.Blobs, seconds: int) -> None:
    with pytest.raises(ValueError, match="signed URL lives"):
        blobs.store.signed_url(_NAME, expires_in_s=seconds)


@pytest.mark.parametrize("name", ["", "a/b", "a\r\nSet-Cookie: x", "a\x00"])
def test_a_download_name_cannot_leave_its_header(blobs: harness.Blobs, name: str) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        blobs.store.signed_url(_NAME, expires_in_s=60, download_name=name)


def test_an_attachment_header_is_ascii_and_keeps_the_name() -> None:
    assert attachment('Grö"ße.pdf') == (
        "attachment; filename=\"Gr_'_e.pdf\"; filename*=UTF-8''Gr%C3%B6%22%C3%9Fe.pdf"
    )


@pytest.mark.parametrize(
    "query",
    [{}, {"signature": ""}, {"expires": "9999999999"}, {"expires": "x", "signature": "é"}],
)
def test_the_gateway_refuses_queries_without_a_signature(query: dict[str, str]) -> None:
    signer = UrlSigner("http://x", b"k" * 16, HeldClock())
    assert not signer.verify(_NAME, query)


def test_a_short_signing_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        UrlSigner("http://x", b"short", HeldClock())


@pytest.mark.emulators
@pytest.mark.parametrize("adapter", ["gcp"], indirect=True)
def test_cloud_storage_answers_the_url(url: str) -> None:
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"%PDF"


class _TokenEndpoint(BaseHTTPRequestHandler):
    """An OAuth token endpoint that trusts everybody."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"access_token": "fresh-token", "expires_in": 3600}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def token_uri() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _TokenEndpoint) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


class _AsOnCloudRun(Credentials):
    """Credentials without a key that know their account, as the metadata server gives."""

    service_account_email = "signer@example.iam.gserviceaccount.com"


def test_signing_through_iam_names_the_account_and_a_fresh_token(
    token_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ambient = _AsOnCloudRun(None, refresh_token="r", token_uri=token_uri, client_id="c", client_secret="s")  # type: ignore[no-untyped-call]  # google-auth has no types
    monkeypatch.setattr(url_signing, "_ambient_credentials", lambda: ambient)
    expected = {"service_account_email": ambient.service_account_email, "access_token": "fresh-token"}
    assert through_iam()() == expected
    assert through_iam("other@example.com")()["service_account_email"] == "other@example.com"


def test_a_key_file_signs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = signed_v4.throwaway_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "p",
        "client_email": "signer@example.iam.gserviceaccount.com",
        "private_key": pem.decode(),
        "token_uri": "http://127.0.0.1:9/never-asked",
    }
    (tmp_path / "account.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
    (credentials,) = through_iam()().values()
    assert credentials.service_account_email == account["client_email"]
