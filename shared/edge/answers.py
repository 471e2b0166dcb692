"""Answers as bytes and headers: from a reply, from a problem, to a flask response."""

from __future__ import annotations

import flask
import msgspec
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from shared.edge.idempotency import HttpAnswer
from shared.edge.problems import (
    BODY_TOO_LARGE,
    CONTENT_TYPE,
    INVALID_REQUEST,
    METHOD_NOT_ALLOWED,
    NOT_FOUND,
    Problem,
    ProblemDocument,
)
from shared.edge.routes import Reply

HEALTH = "/health"

_READING = ("GET", "HEAD")
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, traceparent"
_EXPOSED_HEADERS = "Idempotent-Replayed, Location, Retry-After, WWW-Authenticate"
_PREFLIGHT_S = 3600
_NO_CONTENT = 204

# A page of ours carries its style inline, loads and runs nothing and cannot be framed. One that needs a script names
# its hash in a policy of its own.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def from_reply(reply: Reply, status: int) -> HttpAnswer:
    """The reply in bytes; `status` is the route's, used unless the reply has one of its own."""
    kind, body = _content(reply)
    headers = ({"Content-Type": kind} if kind else {}) | dict(reply.headers)
    return HttpAnswer(status=reply.status or status, headers=headers, body=body, subject=reply.subject)


def _content(reply: Reply) -> tuple[str, bytes]:
    if reply.html is not None:
        return "text/html; charset=utf-8", reply.html.encode()
    if reply.body is None:
        return "", b""
    if isinstance(reply.body, bytes):
        return "application/octet-stream", reply.body
    return "application/json", msgspec.json.encode(reply.body)


def from_problem(problem: Problem, *, public_url: str, instance: str, trace: str) -> HttpAnswer:
    """The problem as application/problem+json."""
    kind = problem.kind
    document = ProblemDocument(
        kind=kind.uri(public_url),
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=instance,
        trace=trace,
        problems=list(problem.problems),
    )
    headers = {"Content-Type": CONTENT_TYPE, **problem.headers}
    return HttpAnswer(status=kind.status, headers=headers, body=msgspec.json.encode(document))


def to_response(answer: HttpAnswer) -> flask.Response:
    """The flask response, with the security headers that the answer does not set itself."""
    response = flask.Response(answer.body, status=answer.status)
    response.headers.remove("Content-Type")
    policy = _PAGE_POLICY if answer.headers.get("Content-Type", "").startswith("text/html") else _DATA_POLICY
    headers = {**_SECURITY_HEADERS, "Content-Security-Policy": policy, **answer.headers}
    for name, value in headers.items():
        response.headers[name] = value
    return response


def allow_origin(response: flask.Response, origin: str | None, allowed: tuple[str, ...]) -> None:
    """CORS for the origins on the list, exactly as written there. Credentials are never allowed: bearers suffice."""
    response.vary.add("Origin")
    if origin is not None and origin in allowed:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS


def preflight(origin: str | None, allowed: tuple[str, ...]) -> HttpAnswer:
    """The answer to OPTIONS; it says nothing to origins that are not on the list."""
    headers = {}
    if origin is not None and origin in allowed:
        headers = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": str(_PREFLIGHT_S),
        }
    return HttpAnswer(status=_NO_CONTENT, headers=headers, body=b"")


def health(request: flask.Request) -> HttpAnswer | None:
    """The answer to GET /health, None for any other path. Raises Problem for another method."""
    if request.path != HEALTH:
        return None
    if request.method not in _READING:
        raise Problem(METHOD_NOT_ALLOWED, "read it with GET", headers={"Allow": "GET, HEAD"})
    return from_reply(Reply(body={"status": "ok"}), 200)


def from_werkzeug(error: HTTPException) -> Problem:
    """The problem for what werkzeug refuses: unknown paths, methods, and bodies that are too long or end early."""
    if isinstance(error, MethodNotAllowed):
        allow = ", ".join(sorted(error.valid_methods or ()))
        return Problem(METHOD_NOT_ALLOWED, f"this path takes {allow}", headers={"Allow": allow})
    if error.code == NOT_FOUND.status:
        return Problem(NOT_FOUND, "no such path")
    if error.code == BODY_TOO_LARGE.status:
        return Problem(BODY_TOO_LARGE, "the body is too large")
    return Problem(INVALID_REQUEST, "the request ended early or cannot be read")
