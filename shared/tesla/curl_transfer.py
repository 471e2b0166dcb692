"""One reusable libcurl handle: a request goes in, how it ended comes out."""

from __future__ import annotations

from functools import cache
from typing import Any

from shared.tesla.answers import retry_after_s
from shared.tesla.many import Ask, Failure, Told
from shared.tesla.transport import WireReply

USER_AGENT = "car-pulse-tracker"
_CONNECT_TIMEOUT_MS = 5_000
_ERRORS_FROM = 400
_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
_MAY_LACK_BODY = {"GET", "DELETE"}
_PLAIN_GET = ("GET", False)
_WAITS = ("retry-after", "ratelimit-")
_HEADERS = ("Accept: application/json",)
"""Never an empty list: pycurl passes over one, and the last request's token would go out with the next."""

_HEADERS_WITH_BODY = (*_HEADERS, "Content-Type: application/json", "Expect:")


@cache
def libcurl() -> Any:
    """The module pycurl, which has no types; it is loaded when it is first needed."""
    import pycurl

    return pycurl


class Transfer:
    """A handle and what it received. Belongs to one thread at a time; `ask` is the request that it is busy with.

    Attributes:
        easy: The handle, for the multi handle that drives it.
        ask: Set by `begin`.
        started_s: Moment of the start, set by `begin`.
    """

    def __init__(self, *, body_bytes: int, ca_file: str) -> None:
        self.easy = _configured(libcurl(), ca_file)
        self.ask = Ask("", "GET", "", "")
        self.started_s = 0.0
        self._limit, self._size, self._sent, self._form = body_bytes, 0, False, _PLAIN_GET
        self._head: list[bytes] = []
        self._pieces: list[bytes] = []
        self.easy.setopt(libcurl().HEADERFUNCTION, self._head.append)
        self.easy.setopt(libcurl().WRITEFUNCTION, self._take)
        self.easy.setopt(libcurl().PREREQFUNCTION, self._only_once)

    def begin(self, ask: Ask, *, timeout_s: float, now_s: float) -> None:
        """Load the handle. Raises ValueError when the request cannot be sent as it stands."""
        curl = libcurl()
        _check(ask)
        self.ask, self.started_s = ask, now_s
        self._size, self._sent = 0, False
        self._head.clear()
        self._pieces.clear()
        self._shape(ask)
        headers = _HEADERS if ask.body is None else _HEADERS_WITH_BODY
        if ask.token:
            headers = (f"Authorization: Bearer {ask.token}", *headers)
        self.easy.setopt(curl.HTTPHEADER, headers)
        self.easy.setopt(curl.URL, ask.url)
        self.easy.setopt(curl.TIMEOUT_MS, max(1, round(timeout_s * 1000)))

    def end(self, error: int, now_s: float) -> Told:
        """How it ended; `error` is libcurl's code, 0 for an answer."""
        seconds = now_s - self.started_s
        if error:
            return Told(0, failure=self._failure(error), seconds=seconds)
        status = self.easy.getinfo(libcurl().RESPONSE_CODE)
        wait_s = self._retry_after_s(status) if status >= _ERRORS_FROM else None
        return Told(status, b"".join(self._pieces), wait_s, "", seconds)

    def _shape(self, ask: Ask) -> None:
        """Method and body; a handle that makes like requests keeps its shape."""
        curl, form = libcurl(), (ask.method, ask.body is not None)
        if form != self._form:
            self.easy.setopt(curl.HTTPGET, 1)
            self.easy.unsetopt(curl.CUSTOMREQUEST)
            if form != _PLAIN_GET:
                self.easy.setopt(curl.CUSTOMREQUEST, ask.method)
            self._form = form
        if ask.body is not None or ask.method not in _MAY_LACK_BODY:
            self.easy.setopt(curl.POSTFIELDS, ask.body or b"")

    def _take(self, data: bytes) -> int:
        """Takes a decoded piece of the body, and none beyond the limit, which ends the transfer."""
        self._size += len(data)
        if self._size > self._limit:
            return 0
        self._pieces.append(data)
        return len(data)

    def _only_once(self, *_addresses: object) -> int:
        """Called before each sending: libcurl would quietly send again what a kept connection swallowed."""
        curl = libcurl()
        if self._sent:
            return int(curl.PREREQFUNC_ABORT)
        self._sent = True
        return int(curl.PREREQFUNC_OK)

    def _failure(self, error: int) -> Failure:
        curl = libcurl()
        if error == curl.E_OPERATION_TIMEDOUT:
            return "timed_out"
        if error == curl.E_WRITE_ERROR and self._size > self._limit:
            return "too_large"
        if error in {curl.E_BAD_CONTENT_ENCODING, curl.E_WRITE_ERROR}:
            return "unreadable"
        if error in {curl.E_UNSUPPORTED_PROTOCOL, curl.E_URL_MALFORMAT}:
            return "not_sent"
        return "connection_lost"

    def _retry_after_s(self, status: int) -> float | None:
        pairs = (line.decode("latin-1").partition(":") for line in self._head)
        headers = {name.lower(): value.strip() for name, _, value in pairs if name.lower().startswith(_WAITS)}
        if not any(name == "retry-after" or name.endswith("-reset") for name in headers):
            return None
        return retry_after_s(WireReply(status, headers, b""))


def _check(ask: Ask) -> None:
    """Raises ValueError for what would change the request's meaning on the wire."""
    if not (ask.token.isascii() and ask.token.isprintable() and ask.url.isascii() and ask.url.isprintable()):
        raise ValueError("token and URL are printable ASCII")
    if ask.method not in _METHODS:
        raise ValueError("the method is not one of Tesla's")


def _configured(curl: Any, ca_file: str) -> Any:
    """A handle with everything that is the same for all requests."""
    easy = curl.Curl()
    options = {
        curl.PROTOCOLS: curl.PROTO_HTTP | curl.PROTO_HTTPS,
        curl.HTTP_VERSION: curl.CURL_HTTP_VERSION_1_1,  # a connection for each, so that none waits behind another
        curl.FOLLOWLOCATION: 0,
        curl.PROXY: "",  # otherwise taken from the environment
        curl.NETRC: 0,
        curl.SSL_VERIFYPEER: 1,
        curl.SSL_VERIFYHOST: 2,
        curl.CAINFO: ca_file,
        curl.ENCODING: "gzip",
        curl.USERAGENT: USER_AGENT,
        curl.CONNECTTIMEOUT_MS: _CONNECT_TIMEOUT_MS,
        curl.NOSIGNAL: 1,
        curl.HTTPGET: 1,
    }
    for option, value in options.items():
        easy.setopt(option, value)
    return easy
