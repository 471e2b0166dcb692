"""Answers of the gateway itself, as problem details (RFC 9457) like those of the functions."""

from __future__ import annotations

from aiohttp import web

TRACE_HEADER = "X-Cloud-Trace-Context"


def problem(request: web.Request, status: int, title: str, detail: str) -> web.Response:
    """A problem document about this request."""
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "trace": request.headers.get(TRACE_HEADER, "").partition("/")[0],
    }
    return web.json_response(body, status=status, content_type="application/problem+json")
