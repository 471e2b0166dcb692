"""The check of a deployed service, against the one on this machine and against ones that are broken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests import smoke
from tests.e2e.place import Place


@pytest.mark.stack
def test_the_local_stack_answers_as_it_should(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoke.main([place.stack.base_url]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in smoke.CHECKS)


@pytest.mark.stack
def test_nothing_is_stored_by_it(place: Place) -> None:
    place.customer().order("basic")
    before = {(name, document.key) for name, document in place.stores.everything()}
    assert smoke.main([place.stack.base_url]) == 0
    new = {(name, document.key) for name, document in place.stores.everything()} - before
    assert not {name for name, _key in new} & {"orders", "grants", "accounts", "idempotency"}


class _Wrong(BaseHTTPRequestHandler):
    """Says yes to everything and to everybody; one function is down."""

    def do_GET(self) -> None:
        """Answer with an empty document."""
        self.send_response(502 if self.path.startswith("/api/v1/reports") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_OPTIONS(self) -> None:
        """Let everybody in."""
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Say nothing."""


@contextmanager
def _serving() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Wrong) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_every_check_sees_a_service_that_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    with _serving() as url:
        wrong = {outcome.check for outcome in smoke.check(smoke.Service(url, "https://app.example")) if outcome.wrong}
        assert smoke.main([url]) == 1
    assert wrong == set(smoke.CHECKS) - {"redirect to https"}  # there is no TLS here to be sent to
    assert "answers 200, not 404" in capsys.readouterr().out


def test_a_service_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with _serving() as url:
        pass
    assert smoke.main([url]) == 1
    assert "no answer: ConnectionError" in capsys.readouterr().out


def test_what_was_not_looked_at_is_not_called_good() -> None:
    with _serving() as url:
        left_out = {outcome.check for outcome in smoke.check(smoke.Service(url)) if outcome.left_out}
    assert left_out == {"CORS of the frontend", "redirect to https"}


@pytest.mark.parametrize("url", ["api.example.com", "ftp://api.example.com", "https://api.example.com/api"])
def test_what_is_no_address_of_a_service_is_refused(url: str) -> None:
    with pytest.raises(SystemExit) as ended:
        smoke.main([url])
    assert ended.value.code == 2
