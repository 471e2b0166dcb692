"""HTTP answers before they are sent, and the refusals Tesla words in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

Json = dict[str, Any]
"""A JSON object."""

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(slots=True)
class Answer:
    """Status, encoded body, content type and extra headers of one answer."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """Ends the handling of a request with the answer it carries."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def json_answer(payload: object, status: int = 200) -> Answer:
    """The payload encoded as it is."""
    return Answer(status, msgspec.json.encode(payload))


def respond(value: object, **beside: object) -> Answer:
    """Tesla's success envelope: `{"response": value}`, with keys such as `count` beside it."""
    return json_answer({"response": value, **beside})


def error_answer(status: int, error: str, description: str = "") -> Answer:
    """Tesla's error envelope (developer.tesla.com, conventions): response null, error, error_description."""
    return json_answer({"response": None, "error": error, "error_description": description}, status)


def refuse(status: int, error: str, description: str = "") -> Refusal:
    """The error envelope as an exception to raise."""
    return Refusal(error_answer(status, error, description))


def html_answer(text: str, status: int = 200) -> Answer:
    """A web page."""
    return Answer(status, text.encode(), HTML_TYPE)


def redirect(url: str) -> Answer:
    """302 to `url`."""
    return Answer(302, b"", HTML_TYPE, {"Location": url})


def not_found() -> Refusal:
    """404 as Tesla words it for a vehicle, site or document that this account does not have."""
    return refuse(404, "not_found")
