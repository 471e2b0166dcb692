"""Log records: their shape, their trace and labels, and what never gets into them."""

from __future__ import annotations

import contextvars
import io
import json
import logging
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import log

TRACE = "0af7651916cd43dd8448eb211c80319c"
VIN = "LRW3E7FA1KC123456"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, given back as it was."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


class Lines:
    """What was written to stdout since setup."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured, self.text = captured, ""

    def raw(self) -> str:
        self.text += self._captured.readouterr().out
        return self.text

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.raw().splitlines()]


@pytest.fixture
def lines(root: logging.Logger, capsys: pytest.CaptureFixture[str]) -> Lines:
    log.setup({"GOOGLE_CLOUD_PROJECT": "p1", "K_SERVICE": "orders"})
    return Lines(capsys)


def test_an_event_is_one_line_of_json(lines: Lines) -> None:
    log.info("module fetched", module="options", calls=2, cached=False, price_usd=0.002, reason=None)
    (line,) = lines.read()
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "severity": "INFO",
        "message": "module fetched",
        "module": "options",
        "calls": 2,
        "cached": False,
        "price_usd": 0.002,
        "reason": None,
        "logging.googleapis.com/labels": {"function": "orders"},
    }


def test_severities(lines: Lines) -> None:
    log.info("a")
    log.warning("b")
    log.error("c")
    logging.getLogger("some.library").critical("d %s", "e")
    logging.getLogger("some.library").debug("never")
    assert [(line["severity"], line["message"]) for line in lines.read()] == [
        ("INFO", "a"),
        ("WARNING", "b"),
        ("ERROR", "c"),
        ("CRITICAL", "d e"),
    ]


def test_talkative_libraries_are_quiet(lines: Lines) -> None:
    logging.getLogger("urllib3.connectionpool").info("GET /?code=1")
    logging.getLogger("google.cloud").info("x")
    assert lines.read() == []


def test_what_is_bound_is_on_every_record_inside(lines: Lines) -> None:
    with log.bind(trace=TRACE, span="b7ad6b7169203331", order="o1"), log.bind(vehicle_id="v1", site=""):
        log.info("inside")
    log.info("outside")
    inside, outside = lines.read()
    assert inside["logging.googleapis.com/trace"] == f"projects/p1/traces/{TRACE}"
    assert inside["logging.googleapis.com/spanId"] == "b7ad6b7169203331"
    assert inside["logging.googleapis.com/labels"] == {"function": "orders", "order": "o1", "vehicle_id": "v1"}
    assert "logging.googleapis.com/trace" not in outside
    assert outside["logging.googleapis.com/labels"] == {"function": "orders"}


def test_threads_do_not_share_what_is_bound(lines: Lines) -> None:
    with log.bind(order="o1"):
        context = contextvars.copy_context()
        for target in (lambda: log.info("bare"), lambda: context.run(log.info, "carried")):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    labels = [line["logging.googleapis.com/labels"] for line in lines.read()]
    assert labels == [{"function": "orders"}, {"function": "orders", "order": "o1"}]


def test_without_a_project_the_trace_stands_alone(root: logging.Logger) -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "m", None, None)
    with log.bind(trace=TRACE):
        line = json.loads(log.JsonFormatter().format(record))
    assert line["logging.googleapis.com/trace"] == TRACE
    assert "logging.googleapis.com/labels" not in line


def test_an_exception_carries_its_scrubbed_stack(lines: Lines) -> None:
    try:
        int(f"no answer for {VIN}")
    except ValueError:
        log.exception("request failed", attempt=3)
    (line,) = lines.read()
    assert (line["severity"], line["message"], line["attempt"]) == ("ERROR", "request failed", 3)
    assert "Traceback" in line["stack_trace"]
    assert "no answer for [vin]" in line["stack_trace"]


def test_setup_twice_is_setup_once(root: logging.Logger, lines: Lines) -> None:
    log.setup({})
    log.info("once")
    assert len(lines.read()) == 1


def test_fields_cannot_take_the_place_of_the_records_own(lines: Lines) -> None:
    log.warning("real", severity="DEBUG", time="never", ratio=float("nan"))
    (line,) = lines.read()
    assert (line["severity"], line["message"], line["ratio"]) == ("WARNING", "real", "nan")
    assert line["time"] != "never"


def test_a_record_stays_one_line(lines: Lines) -> None:
    log.info("a\nb", note="c\nd\u2028e\ud800")
    assert lines.raw().count("\n") == 1
    assert json.loads(lines.text)["note"] == "c\nd\u2028e\ud800"


def test_a_closed_stdout_does_not_fail_the_work(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = io.StringIO()
    closed.close()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", closed)
        log.info("lost")
    assert "I/O operation on closed file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"vin {VIN}.", VIN),
        (f"/vehicles/{VIN}/x", VIN),
        (f"orders_{VIN}_x", VIN),
        (VIN.lower(), VIN.lower()),
        ("5YJ3E1EA7KF317000", "5YJ3E1EA7KF317000"),
        (f"token {JWT} x", JWT),
        (JWT.rpartition(".")[0] + ".", JWT.split(".")[1]),
        ("Authorization: Bearer abc.def-123", "abc.def-123"),
        ("authorization: bearer  s3cr3t", "s3cr3t"),
        ("EU_0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("NA_0123456789abcdef0123456789abcdef", "0123456789abcdef"),
        ("CN_0123456789abcdef-_123456789abcdef", "0123456789abcdef"),
        ("mail to jane.doe+x@mail.example.org now", "jane.doe"),
        ("/callback?code=abc123&state=xyz", "abc123"),
        ("/callback?code=abc123&state=xyz", "xyz"),
        ("https://app.example/#claim=abcdef", "abcdef"),
        ('{"refresh_token": "opaque-secret-value"}', "opaque-secret-value"),
        ("{'access_token': 'opaque-secret-value'}", "opaque-secret-value"),
        ("client_secret=opaque-secret-value&x=1", "opaque-secret-value"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret not in log.scrub(text)
    assert "[" in log.scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        TRACE,
        "17 digits: 12345678901234567",
        "google.cloud.firestore_v1.client.Client",
        "shared/platform/embedded/documents.py",
        "internationalised",
        "2026-03-01T12:00:00.123456Z",
        "EU_region",
        "error code 404",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert log.scrub(text) == text


def test_every_text_of_a_record_is_scrubbed(lines: Lines) -> None:
    with log.bind(order=VIN):
        logging.getLogger("library").warning("car %s", VIN)
        log.info("x", note=VIN)
    assert VIN not in lines.raw()
    assert lines.text.count("[vin]") == 4


@pytest.mark.parametrize("unit", ["a", "a.", "@", "a@", "eyJ", "Bearer ", "code=", "token", " ", "1A", "-"])
def test_scrubbing_long_texts_is_bounded(unit: str) -> None:
    assert len(log.scrub(unit * 1_000_000)) < 20_000


@pytest.mark.parametrize("offset", range(0, 60, 7))
@pytest.mark.parametrize(("prefix", "secret"), [("", VIN), ("", JWT), ("Bearer ", "abcdefghijklmnop")])
def test_a_cut_leaves_no_half_of_a_secret(prefix: str, secret: str, offset: int) -> None:
    scrubbed = log.scrub("." * offset + f" {prefix}{secret}" * 4000)
    assert "[...]" in scrubbed
    assert [secret[at : at + 4] for at in range(len(secret) - 3) if secret[at : at + 4] in scrubbed] == []


@given(st.text(), st.text(max_size=20))
def test_any_text_makes_a_valid_line(text: str, note: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, text, None, None)
    record.fields = {"note": note}
    line = log.JsonFormatter().format(record)
    assert "\n" not in line
    assert json.loads(line)["severity"] == "INFO"


@pytest.mark.parametrize(
    ("headers", "trace"),
    [
        ({"X-Cloud-Trace-Context": f"{TRACE}/255;o=1"}, log.Trace(TRACE, "00000000000000ff")),
        ({"X-Cloud-Trace-Context": TRACE}, log.Trace(TRACE, "")),
        ({"X-Cloud-Trace-Context": f"{TRACE}/{2**64}"}, log.Trace(TRACE, "")),
        ({"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}, log.Trace(TRACE, "b7ad6b7169203331")),
        ({"X-Cloud-Trace-Context": "bad", "traceparent": f"00-{TRACE}-b7ad6b7169203331-00"},
         log.Trace(TRACE, "b7ad6b7169203331")),
        ({"X-Cloud-Trace-Context": "0" * 32}, None),
        ({"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"}, None),
        ({"traceparent": f"00-{TRACE}"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_trace_of_a_request(headers: dict[str, str], trace: log.Trace | None) -> None:
    assert log.find_trace(headers) == trace


def test_a_new_trace_for_those_without() -> None:
    first, second = log.trace_of({}), log.trace_of({})
    assert (len(first.trace_id), first.span_id) == (32, "")
    assert first != second


def test_the_trace_travels_with_messages() -> None:
    assert log.traceparent() == ""
    with log.bind(trace=TRACE):
        found = log.find_trace({"traceparent": log.traceparent()})
    assert found is not None
    assert (found.trace_id, len(found.span_id)) == (TRACE, 16)
