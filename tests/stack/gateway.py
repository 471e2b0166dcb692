"""One public address in front of all functions, as the load balancer is in production.

Only functions with paths are reachable. ``/_stack/`` is the stack's own: ``jwks`` (key set), ``token`` (ID token of
any principal, for tests and people at this machine) and ``health``.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, hdrs, web
from multidict import CIMultiDict
from yarl import URL

from tests.stack.blobs import BlobDownloads
from tests.stack.identity import Identity
from tests.stack.problems import TRACE_HEADER, problem
from tests.stack.routing import RouteTable

_HOP_BY_HOP = frozenset(
    name.lower()
    for name in ("Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Upgrade")
) | {"transfer-encoding"}
_SKIPPED = (hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a function listens and how long it may take (seconds)."""

    url: str
    timeout_s: float


class Gateway:
    """Routes by path prefix to the functions."""

    def __init__(
        self,
        routes: RouteTable,
        upstreams: Mapping[str, Upstream],
        identity: Identity,
        *,
        audience: str,
        downloads: BlobDownloads | None,
        health: Callable[[], Mapping[str, object]],
    ) -> None:
        """Serve the routes; `audience` is what tokens name by default, `health` what ``/_stack/health`` shows."""
        self._routes, self._upstreams, self._identity = routes, upstreams, identity
        self._audience, self._downloads, self._health = audience, downloads, health
        self._session: ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def start(self, listening: socket.socket) -> None:
        """Answer on a socket that listens already."""
        self._session = new_session(limit=0)
        application = web.Application()
        application.router.add_get("/_stack/jwks", self._serve_keys)
        application.router.add_get("/_stack/token", self._serve_token)
        application.router.add_get("/_stack/health", self._serve_health)
        if self._downloads:
            application.router.add_get("/api/v1/blobs/{name:.+}", self._downloads.serve)
        application.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """Stop answering."""
        if self._runner:
            await self._runner.cleanup()
        if self._session:
            await self._session.close()

    async def _serve_keys(self, _request: web.Request) -> web.Response:
        return web.json_response(self._identity.key_set())

    async def _serve_token(self, request: web.Request) -> web.Response:
        email = request.query.get("email", "")
        if not email:
            return problem(request, 400, "Bad request", "say whose token it shall be: ?email=...[&audience=...]")
        return web.json_response(
            {"token": self._identity.token(email, request.query.get("audience", self._audience))}
        )

    async def _serve_health(self, _request: web.Request) -> web.Response:
        return web.json_response(dict(self._health()))

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        name = self._routes.find(request.rel_url.raw_path)
        if name is None or self._session is None:
            return problem(request, 404, "Not found", "no function answers this path")
        upstream = self._upstreams[name]
        try:
            async with self._session.request(
                request.method,
                URL(upstream.url + request.rel_url.raw_path_qs, encoded=True),
                headers=_forwarded_headers(request),
                data=request.content if request.can_read_body else None,
                allow_redirects=False,
                timeout=ClientTimeout(total=upstream.timeout_s),
            ) as answer:
                return await _relay(request, answer)
        except TimeoutError:
            return problem(request, 504, "Gateway timeout", f"{name} did not answer in time")
        except ClientError:
            return problem(request, 502, "Bad gateway", f"{name} broke the connection")


async def _relay(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    """Hand the answer through as it comes."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=_end_to_end(answer.headers))
    await response.prepare(request)
    async for piece in _pieces(answer):
        await response.write(piece)
    await response.write_eof()
    return response


async def _pieces(answer: ClientResponse) -> AsyncIterator[bytes]:
    async for piece in answer.content.iter_any():
        yield piece


def _end_to_end(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


def _forwarded_headers(request: web.Request) -> CIMultiDict[str]:
    """The caller's headers and those the load balancer adds."""
    headers = _end_to_end(request.headers)
    before = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{before}, {request.remote}" if before else str(request.remote)
    headers.setdefault("X-Forwarded-Proto", request.scheme)
    headers.setdefault("X-Forwarded-Host", request.host)
    headers.setdefault(TRACE_HEADER, f"{secrets.token_hex(16)}/{secrets.randbits(63)};o=1")
    return headers


def new_session(*, limit: int) -> ClientSession:
    """A client that adds nothing of its own: no cookies, no decoding, no default headers."""
    return ClientSession(
        connector=TCPConnector(limit=limit),
        auto_decompress=False,
        cookie_jar=DummyCookieJar(),
        skip_auto_headers=_SKIPPED,
    )
