"""BlobStore: URLs that anyone may read for a while."""

from __future__ import annotations

import base64
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from google.oauth2.credentials import Credentials

from shared.platform.clock import SystemClock
from shared.platform.embedded.signed_urls import UrlSigner
from shared.platform.errors import PlatformError, Unavailable
from shared.platform.gcp import iam_signer, url_signing
from shared.platform.gcp.blobs import GcsBlobs
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


class _Google(BaseHTTPRequestHandler):
    """An OAuth token endpoint that trusts everybody, and IAM; its failures in `statuses` come first."""

    key: ClassVar[rsa.RSAPrivateKey]
    statuses: ClassVar[list[int]] = []
    asked: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/token":
            return self._answer(200, {"access_token": "fresh-token", "expires_in": 3600})
        self.asked.append((self.path, self.headers["Authorization"]))
        if self.statuses:
            return self._answer(self.statuses.pop(0), {"error": {"message": "not now"}})
        message = base64.b64decode(json.loads(body)["payload"])
        signature = self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        return self._answer(200, {"signedBlob": base64.b64encode(signature).decode()})

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        return


class _AsOnCloudRun(Credentials):
    """Credentials without a key that know their account, as the metadata server gives."""

    service_account_email = "signer@example.iam.gserviceaccount.com"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Google]]:
    """Google's token endpoint and IAM, in whose name the process runs without a key."""
    with HTTPServer(("127.0.0.1", 0), _Google) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        ambient = _AsOnCloudRun(  # type: ignore[no-untyped-call]  # google-auth has no types
            None, refresh_token="r", token_uri=f"{url}/token", client_id="c", client_secret="s"
        )
        monkeypatch.setattr(url_signing, "_ambient_credentials", lambda: ambient)
        monkeypatch.setattr(iam_signer, "IAM", url)
        monkeypatch.setattr(_Google, "statuses", [])
        monkeypatch.setattr(_Google, "asked", [])
        monkeypatch.setattr(_Google, "key", signed_v4.throwaway_key(), raising=False)
        yield _Google
        server.shutdown()
        thread.join()


def _signed_through_iam(**options: Any) -> str:
    bucket = Client(project="p", credentials=AnonymousCredentials()).bucket("b")  # type: ignore[no-untyped-call]  # google-auth has no types
    return GcsBlobs(bucket, **options).signed_url(_NAME, expires_in_s=600)


def test_iam_signs_for_the_account_with_a_fresh_token(google: type[_Google]) -> None:
    signed = _signed_through_iam()
    account = _AsOnCloudRun.service_account_email
    assert signed_v4.served(signed, google.key.public_key(), SystemClock())
    assert parse_qs(urlsplit(signed).query)["X-Goog-Credential"][0].startswith(account)
    assert google.asked == [(f"/v1/projects/-/serviceAccounts/{account}:signBlob", "Bearer fresh-token")]
    _signed_through_iam(sign=through_iam("other@example.com"))
    assert "/other@example.com:signBlob" in google.asked[-1][0]


def test_iam_that_cannot_answer_is_asked_again(google: type[_Google]) -> None:
    google.statuses = [503]
    assert _signed_through_iam()
    assert len(google.asked) == 2


def test_iam_that_never_answers_is_not_waited_for(google: type[_Google]) -> None:
    google.statuses = [503] * 100
    with pytest.raises(Unavailable):
        _signed_through_iam(timeout_s=0.2)
    assert google.statuses


def test_a_missing_right_is_not_asked_for_again(google: type[_Google]) -> None:
    google.statuses = [403, 403]
    with pytest.raises(PlatformError) as refused:
        _signed_through_iam()
    assert not isinstance(refused.value, Unavailable)
    assert len(google.statuses) == 1


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
