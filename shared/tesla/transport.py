"""The one place where bytes go to Tesla: bounded in time and size, no redirects, no cookies, no proxies' secrets."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from shared.tesla.errors import ConnectionLost, TeslaError, TimedOut, Unreadable

if TYPE_CHECKING:
    import requests
    from urllib3 import HTTPResponse
    from urllib3.exceptions import HTTPError

_CONNECT_TIMEOUT_S = 5.0
_POOL = 64


@dataclass(frozen=True, slots=True)
class WireReply:
    """An answer as it came: status, headers with lower-case names, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Transport:
    """HTTP over one pooled requests session, safe to use from many threads."""

    def __init__(self, *, timeout_s: float, body_bytes: int) -> None:
        self._timeout, self._limit = (_CONNECT_TIMEOUT_S, timeout_s), body_bytes
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str] | None = None,
        token: str | None = None,
        form: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> WireReply:
        """One request. Raises TimedOut, ConnectionLost, Unreadable (more than the bytes we read)."""
        import requests
        from urllib3.exceptions import HTTPError

        if query:
            url = f"{url}?{urlencode(query, quote_via=quote)}"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with self._pooled().request(
                method, url, headers=headers, data=form, json=json, timeout=self._timeout,
                allow_redirects=False, stream=True,
            ) as reply:  # fmt: skip
                body = self._read(reply.raw, time.monotonic() + self._timeout[1])
                received = {name.lower(): value for name, value in reply.headers.items()}
        except requests.Timeout:
            raise TimedOut("no answer in time") from None
        except requests.RequestException as error:
            raise ConnectionLost(type(error).__name__) from None
        except HTTPError as error:
            raise _of_urllib3(error) from None
        if len(body) > self._limit:
            raise Unreadable(f"more than {self._limit} bytes")
        return WireReply(reply.status_code, received, body)

    def _read(self, raw: HTTPResponse, deadline: float) -> bytes:
        """At most one byte more than the limit. Raises TimedOut past the deadline (of `time.monotonic`).

        The socket's own timeout begins anew with every byte: an answer that dribbles in would hold its thread for
        ever.
        """
        body = bytearray()
        while len(body) <= self._limit:
            piece = raw.read1(self._limit + 1 - len(body), decode_content=True)
            if not piece:
                break
            body += piece
            if time.monotonic() > deadline:
                raise TimedOut("the answer came too slowly")
        return bytes(body)

    def _pooled(self) -> requests.Session:
        if self._session is None:
            with self._lock:
                self._session = self._session or _session()
        return self._session


def _session() -> requests.Session:
    from http.cookiejar import DefaultCookiePolicy

    import requests
    from requests.adapters import HTTPAdapter

    session = requests.Session()
    session.trust_env = False  # a .netrc of the machine would replace the bearer token, a proxy variable see it
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = "car-pulse-tracker"
    adapter = HTTPAdapter(pool_connections=8, pool_maxsize=_POOL)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _of_urllib3(error: HTTPError) -> TeslaError:
    """Reading the raw stream raises urllib3's own errors, not those of requests."""
    from urllib3 import exceptions

    if isinstance(error, exceptions.ReadTimeoutError):
        return TimedOut("the answer stopped coming")
    if isinstance(error, exceptions.DecodeError):
        return Unreadable("the answer's encoding is broken")
    return ConnectionLost(type(error).__name__)
