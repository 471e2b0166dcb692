"""The HTTP edge: a table of routes becomes an entry point for flask requests.

In this order: health and preflight (no store is touched), route, caller, body and query, Idempotency-Key, handler.
Every refusal and failure leaves as problem+json; failures are logged once, with the trace and without the payload.
Every call of a route leaves one record: route, status, time taken, and the ids that its caller was admitted to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from shared import log
from shared.accounts.grants import Grant
from shared.edge.answers import allow_origin, from_problem, from_reply, from_werkzeug, health, preflight, to_response
from shared.edge.decoding import NoBody, leave_oversized, read_body, read_bytes, read_query
from shared.edge.guard import Caller, Guard, grant_key
from shared.edge.idempotency import HEADER, HttpAnswer, Idempotency, check_key, digest
from shared.edge.problems import INTERNAL, NOT_FOUND, STORE_UNAVAILABLE, Problem, ProblemType
from shared.edge.routes import Auth, Call, Reply, Route, S
from shared.platform.errors import Unavailable

__all__ = [
    "Auth",
    "Call",
    "Caller",
    "Grant",
    "Guard",
    "HttpApp",
    "Idempotency",
    "Problem",
    "ProblemType",
    "Reply",
    "Route",
    "grant_key",
]

_WITHOUT_BODY = ("GET", "DELETE")
_PARAMETER = re.compile(r"[A-Za-z0-9._:-]{1,200}")
_RETRY_AFTER_S = 5
_LABELS = {
    "order_id": "order",
    "vehicle_id": "vehicle_id",
    "enrolment_id": "enrolment",
    "dispatch_id": "dispatch",
}
"""Parameters of paths that name a piece of business, and the labels they are logged under."""


class _Seen:
    """What is known of a call by the time it is answered; `labels` only of a caller who was admitted."""

    def __init__(self) -> None:
        self.route, self.labels = "", dict[str, str]()


class HttpApp(Generic[S]):
    """Serves a table of routes. `services` gives what handlers work with; it is called only when one is to run.

    Raises ValueError at construction when an idempotent route has no keeper of answers.
    """

    def __init__(self, routes: Sequence[Route[S]], services: Callable[[], S], guard: Guard) -> None:
        if guard.idempotency is None and any(route.idempotent for route in routes):
            raise ValueError("idempotent routes need guard.idempotency")
        self._services, self._guard, self._settings = services, guard, guard.settings
        self._routes = {route.name: route for route in routes}
        if len(self._routes) != len(routes):
            raise ValueError("two routes have the same name")
        rules = [Rule(route.path, methods=[route.method], endpoint=route.name) for route in routes]
        self._map = Map(rules, strict_slashes=False, merge_slashes=False, redirect_defaults=False)

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answer one request; nothing is raised."""
        trace = log.trace_of(request.headers)
        origin, allowed = request.headers.get("Origin"), self._settings.cors_origins
        with log.bind(trace=trace.trace_id, span=trace.span_id):
            response = self._answer(request, trace.trace_id)
        leave_oversized(request)
        allow_origin(response, origin, allowed)
        return response

    def _answer(self, request: flask.Request, trace: str) -> flask.Response:
        try:
            if request.method == "OPTIONS":
                return to_response(preflight(request.headers.get("Origin"), self._settings.cors_origins))
            healthy = health(request)
            return to_response(healthy) if healthy else self._recorded(request, trace)
        except Problem as problem:
            return self._refusal(problem, request, trace)

    def _refusal(self, problem: Problem, request: flask.Request, trace: str) -> flask.Response:
        public_url = self._settings.public_url
        return to_response(from_problem(problem, public_url=public_url, instance=request.path, trace=trace))

    def _recorded(self, request: flask.Request, trace: str) -> flask.Response:
        """The answer to a call, and the record of it."""
        seen, started = _Seen(), self._guard.clock.monotonic()
        try:
            response = self._serve(request, trace, seen)
        except Problem as problem:
            response = self._refusal(problem, request, trace)
        taken_ms = round(1000 * (self._guard.clock.monotonic() - started), 1)
        with log.bind(**seen.labels):
            log.info("request handled", route=seen.route, status=response.status_code, ms=taken_ms)
        return response

    def _serve(self, request: flask.Request, trace: str, seen: _Seen) -> flask.Response:
        """Answer a call of a route. Raises Problem, and nothing else."""
        try:
            route, path = self._match(request)
            seen.route = route.name
            caller = self._guard.admit(route, path, request.headers.get("Authorization"))
            seen.labels = _labels(path)
            with log.bind(**seen.labels):
                return to_response(self._run(route, path, caller, request, trace))
        except Problem:
            raise
        except HTTPException as error:
            raise from_werkzeug(error) from None
        except Unavailable as error:
            with log.bind(**seen.labels):
                log.warning("store unavailable", error=type(error).__name__)
            headers = {"Retry-After": str(_RETRY_AFTER_S)}
            raise Problem(STORE_UNAVAILABLE, "nothing is lost; repeat the call", headers=headers) from error
        except Exception as error:
            with log.bind(**seen.labels):
                log.exception("request failed", method=request.method)
            raise Problem(INTERNAL, "the failure has been logged under this trace") from error

    def _match(self, request: flask.Request) -> tuple[Route[S], dict[str, str]]:
        """The route and its path parameters; one that no id of ours could be is not found."""
        name, path = self._map.bind("").match(request.path, request.method)
        if not all(_PARAMETER.fullmatch(value) for value in path.values()):
            raise Problem(NOT_FOUND, "no such path")
        return self._routes[name], dict(path)

    def _run(
        self, route: Route[S], path: Mapping[str, str], caller: Caller, request: flask.Request, trace: str
    ) -> HttpAnswer:
        """Decode, and run the handler, once per Idempotency-Key where the route has them."""
        raw = b"" if route.method in _WITHOUT_BODY else read_bytes(request)
        body: Any = read_body(raw, request.mimetype, route.body or NoBody)
        call = Call(
            path=path,
            body=body if route.body else None,
            query=read_query(request, route.query) if route.query else None,
            grant=caller.grant,
            principal=caller.principal,
            url=self._settings.public_url.rstrip("/") + request.path,
            trace=trace,
            wants_html=_prefers_html(request),
        )
        produce = partial(self._handle, route, call)
        key = request.headers.get(HEADER)
        if key is None or not route.idempotent or self._guard.idempotency is None:
            return produce()
        check_key(key, anonymous=not caller.principal)
        scope = digest(route.name, *path.values(), caller.principal, key)
        answer, kept = self._guard.idempotency().run(scope, digest(key, raw), produce)
        return _replayed(answer) if kept else answer

    def _handle(self, route: Route[S], call: Call) -> HttpAnswer:
        return from_reply(route.handler(self._services(), call), route.status)


def _labels(path: Mapping[str, str]) -> dict[str, str]:
    """The path's ids as labels; the caller was admitted to them."""
    return {label: path[name] for name, label in _LABELS.items() if name in path}


def _prefers_html(request: flask.Request) -> bool:
    """Whether HTML ranks before JSON; who takes anything gets JSON."""
    accepted = request.accept_mimetypes
    return accepted["text/html"] > accepted["application/json"]


def _replayed(answer: HttpAnswer) -> HttpAnswer:
    return HttpAnswer(
        status=answer.status, headers={**answer.headers, "Idempotent-Replayed": "true"}, body=answer.body
    )
