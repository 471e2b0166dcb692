"""An owner at the consent page, over plain HTTP: reads the form, ticks, presses a button."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

TIMEOUT_S = 30


@dataclass
class Form:
    """The consent form: where it posts to, hidden fields, check boxes, accounts."""

    action: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    boxes: list[str] = field(default_factory=list)
    locked: bool = False
    emails: list[str] = field(default_factory=list)


class _FormReader(HTMLParser):
    """Collects a `Form` from the page."""

    def __init__(self) -> None:
        super().__init__()
        self.form = Form()
        self._in_option = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._in_option = tag == "option"
        if tag == "form":
            self.form.action = values["action"]
        elif tag == "input" and values["type"] == "hidden":
            self.form.hidden[values["name"]] = values["value"]
        elif tag == "input":
            self.form.boxes.append(values["value"])
            self.form.locked |= "disabled" in values

    def handle_data(self, data: str) -> None:
        if self._in_option:
            self.form.emails.append(data)
            self._in_option = False


def read_form(page: str) -> Form:
    """The form of a consent page."""
    reader = _FormReader()
    reader.feed(page)
    return reader.form


def authorize(auth_url: str, email: str, *, deny: bool = False, untick: tuple[str, ...] = ()) -> str:
    """Go through the consent page as the owner of `email`; returns the redirect to the application, unfollowed.

    Raises:
        ValueError: the page refuses, with its status and text.
    """
    with requests.Session() as session:
        answer = session.get(auth_url, allow_redirects=False, timeout=TIMEOUT_S)
        if answer.status_code == requests.codes.ok:
            form = read_form(answer.text)
            ticked = [scope for scope in form.boxes if scope not in untick or form.locked]
            fields: dict[str, str | list[str]] = {**form.hidden, "email": email, "scope": ticked}
            fields["action"] = "deny" if deny else "allow"
            target = urljoin(auth_url, form.action)
            answer = session.post(target, data=fields, allow_redirects=False, timeout=TIMEOUT_S)
        if answer.status_code != requests.codes.found:
            raise ValueError(f"{answer.status_code}: {answer.text}")
        return answer.headers["Location"]
