"""Errors as callers see them: problem details (RFC 9457) whose stable `type` names cause and next step.

A problem type is declared once as a `ProblemType`; raising a `Problem` anywhere below a route answers with it. The
general types, which any route may answer, are declared here; a route's own stand beside the route.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

CONTENT_TYPE = "application/problem+json"


class ProblemType(msgspec.Struct, frozen=True):
    """One kind of problem. `slug` is the last part of its URI, `title` the same sentence every time."""

    slug: str
    status: int
    title: str

    def uri(self, public_url: str) -> str:
        """The type as an absolute URI on the service's own public URL."""
        return f"{public_url.rstrip('/')}/problems/{self.slug}"


class Problem(Exception):
    """Answer the call with this problem. `detail` is for the caller: it names fields, never their values.

    `problems` lists the faults where one call may have several.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        problems: Sequence[str] = (),
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.problems = kind, detail, tuple(problems)
        self.headers: dict[str, str] = dict(headers or {})


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"kind": "type"}):
    """The body of a problem answer. `instance` is the path called, `trace` finds the call in the logs.

    `problems` is there where a call has several faults: each is one sentence.
    """

    kind: str
    title: str
    status: int
    detail: str
    instance: str
    trace: str
    problems: list[str] = []


NOT_FOUND = ProblemType("not-found", 404, "There is nothing here, or it is not yours to see")
METHOD_NOT_ALLOWED = ProblemType("method-not-allowed", 405, "This path does not take this method")
BODY_TOO_LARGE = ProblemType("body-too-large", 413, "The body is larger than this service reads")
UNSUPPORTED_MEDIA_TYPE = ProblemType("unsupported-media-type", 415, "Send the body as application/json")
INVALID_JSON = ProblemType("invalid-json", 400, "The body is not JSON")
INVALID_BODY = ProblemType("invalid-body", 400, "A field of the body is unknown, missing or of the wrong kind")
INVALID_QUERY = ProblemType("invalid-query", 400, "A query parameter is missing or of the wrong kind")
INVALID_REQUEST = ProblemType("invalid-request", 400, "The request cannot be read")
UNAUTHORIZED = ProblemType("unauthorized", 401, "Present a valid bearer token")
FORBIDDEN = ProblemType("forbidden", 403, "This account may not do that")
INVALID_IDEMPOTENCY_KEY = ProblemType("invalid-idempotency-key", 400, "The Idempotency-Key cannot be used")
IDEMPOTENCY_MISMATCH = ProblemType("idempotency-mismatch", 422, "This Idempotency-Key was used with another body")
IDEMPOTENCY_IN_FLIGHT = ProblemType("idempotency-in-flight", 409, "The first call with this key is still running")
STORE_UNAVAILABLE = ProblemType("store-unavailable", 503, "The service cannot reach its storage; try again shortly")
INTERNAL = ProblemType("internal", 500, "The service failed; the trace finds the cause in its logs")
