"""The message edge: a push delivery becomes one run of a handler, and its outcome an answer.

| outcome | answer | then |
|---|---|---|
| done, also deferred (a due item was written) | 204 | the message is gone |
| expired: older than the settings allow | 204 | recorded by the handler as failed, not executed |
| retry: busy claim, store unavailable | 503 | delivered again with backoff; no stack trace |
| failed: an unexpected exception | 500 | logged with its stack, delivered again |
| poison: no envelope, or no message of this type | 400 | logged, delivered until it is a dead letter |

A message that fails on its last attempt is recorded by the handler first, so that nobody waits for a dead letter. One
that comes again is not: somebody else is at work, or a store is down, and the due list brings the work back.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from typing import Generic, TypeVar

import flask
import msgspec
from werkzeug.exceptions import HTTPException

from shared import log
from shared.edge.answers import from_problem, from_werkzeug, health, to_response
from shared.edge.decoding import leave_oversized, read_bytes
from shared.edge.envelope import BadEnvelope, Envelope, read_envelope
from shared.edge.guard import Guard
from shared.edge.idempotency import HttpAnswer
from shared.edge.problems import INTERNAL, METHOD_NOT_ALLOWED, Problem, ProblemType
from shared.platform.delivery import ATTEMPTS_EXHAUSTED, TOO_OLD
from shared.platform.errors import Unavailable
from shared.typed import from_json

M = TypeVar("M")

LARGEST_BODY_BYTES = 1_048_576
RETRY_LATER = ProblemType("retry-later", 503, "The message cannot be handled now; deliver it again")
UNREADABLE_MESSAGE = ProblemType("unreadable-message", 400, "This is no message for this function")

_RETRY_AFTER_S = 10
_LABELS = {"order": "order", "vehicle_id": "vehicle_id", "dispatch": "dispatch", "shard": "shard"}
"""Fields of messages that name a piece of business, and the labels they are logged under."""
_DONE = HttpAnswer(status=204, headers={}, body=b"")


class Outcome(Enum):
    """How a delivery ended."""

    DONE = "done"
    EXPIRED = "expired"
    RETRY = "retry"
    FAILED = "failed"
    POISON = "poison"


class Retry(Exception):
    """Expected: the message cannot be handled now (a busy claim, say) and is to be delivered again."""


class Undone(Exception):
    """The delivery ended without its work done; `outcome` says how."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


class PushHandler(msgspec.Struct, Generic[M], frozen=True):
    """What a topic function does.

    Attributes:
        message: msgspec struct of the message; with defaults for all fields it also takes an empty one.
        run: does the work; returning means done, deferred work included.
        expired: records that the message will not be executed; gets TOO_OLD or ATTEMPTS_EXHAUSTED.
        retry_on: exceptions beside `Retry` and `Unavailable` that are expected and mean "deliver again".
    """

    message: type[M]
    run: Callable[[M], None]
    expired: Callable[[M, str], None]
    retry_on: tuple[type[Exception], ...] = ()


class PushApp(Generic[M]):
    """Serves one topic. `handler` builds the handler; it is called only for messages of the pusher's account."""

    def __init__(self, handler: Callable[[], PushHandler[M]], guard: Guard) -> None:
        self._handler, self._guard, self._settings = handler, guard, guard.settings

    def __call__(self, request: flask.Request) -> flask.Response:
        """Answer one request; nothing is raised."""
        trace = log.trace_of(request.headers)
        with log.bind(trace=trace.trace_id, span=trace.span_id):
            answer = self._answer(request, trace.trace_id)
        leave_oversized(request, largest_bytes=LARGEST_BODY_BYTES)
        return to_response(answer)

    def _answer(self, request: flask.Request, trace: str) -> HttpAnswer:
        try:
            return health(request) or self._receive(request)
        except Undone as undone:
            problem = _problem(undone.outcome)
        except (HTTPException, Problem) as refusal:
            problem = refusal if isinstance(refusal, Problem) else from_werkzeug(refusal)
            log.warning("push refused", problem=problem.kind.slug)
        return from_problem(problem, public_url=self._settings.public_url, instance=request.path, trace=trace)

    def _receive(self, request: flask.Request) -> HttpAnswer:
        """Take one delivery. Raises Problem, HTTPException or Undone unless it is done with."""
        if request.method != "POST":
            raise Problem(METHOD_NOT_ALLOWED, "messages are pushed with POST", headers={"Allow": "POST"})
        pushers = [self._settings.pusher] if self._settings.pusher else []
        self._guard.identify(request.headers.get("Authorization"), pushers, iam_checked=True)
        envelope = self._envelope(request)
        with log.bind(**_ids(envelope)):
            self._deliver(envelope)
        return _DONE

    def _envelope(self, request: flask.Request) -> Envelope:
        try:
            return read_envelope(read_bytes(request, largest_bytes=LARGEST_BODY_BYTES))
        except BadEnvelope as error:
            raise Problem(UNREADABLE_MESSAGE, str(error)) from None

    def _deliver(self, envelope: Envelope) -> None:
        """Run the handler, or say that the message expired. Raises Undone, and nothing else."""
        if envelope.is_ping:
            return
        try:
            handler = self._handler()
        except Exception as error:
            log.exception("handler cannot be built", attempt=envelope.attempt)
            raise Undone(Outcome.FAILED) from error
        message = _decoded(envelope, handler.message)
        with log.bind(**_business_ids(message)):
            self._recorded(handler, message, envelope)

    def _recorded(self, handler: PushHandler[M], message: M, envelope: Envelope) -> None:
        """Run the handler and leave one record of how it went. Raises Undone."""
        outcome, started = Outcome.FAILED, self._guard.clock.monotonic()
        try:
            outcome = self._run(handler, message, envelope)
        except Undone as undone:
            outcome = undone.outcome
            if outcome is Outcome.FAILED and envelope.attempt >= self._settings.message_attempts:
                _record(handler, message, outcome)
            raise
        finally:
            taken_ms = round(1000 * (self._guard.clock.monotonic() - started), 1)
            log.info("message handled", outcome=outcome.value, attempt=envelope.attempt, ms=taken_ms)

    def _run(self, handler: PushHandler[M], message: M, envelope: Envelope) -> Outcome:
        expected: tuple[type[Exception], ...] = (Retry, Unavailable, *handler.retry_on)
        try:
            if self._is_too_old(envelope):
                handler.expired(message, TOO_OLD)
                return Outcome.EXPIRED
            handler.run(message)
        except expected as error:
            log.info("message comes again", reason=type(error).__name__, attempt=envelope.attempt)
            raise Undone(Outcome.RETRY) from error
        except Exception as error:
            log.exception("message failed", attempt=envelope.attempt)
            raise Undone(Outcome.FAILED) from error
        return Outcome.DONE

    def _is_too_old(self, envelope: Envelope) -> bool:
        if envelope.published is None:
            return False
        age = self._guard.clock.now() - envelope.published
        return age > timedelta(seconds=self._settings.message_max_age_s)


def _ids(envelope: Envelope) -> dict[str, str]:
    """What joins the records of this delivery: the message's id, and its publisher's trace if it was sent along."""
    trace = log.find_trace(envelope.attributes)
    joined = {"trace": trace.trace_id, "span": trace.span_id} if trace else {}
    return {"message_id": envelope.message_id, **joined}


def _business_ids(message: object) -> dict[str, str]:
    """What the message is about, as labels that join the records of all functions."""
    return {label: str(getattr(message, field, "")) for field, label in _LABELS.items()}


def _decoded(envelope: Envelope, kind: type[M]) -> M:
    """The message of the envelope; an empty one reads as {}. Raises Undone."""
    try:
        return from_json(envelope.data or b"{}", kind)
    except (ValueError, RecursionError) as error:
        log.warning("poison message", error=type(error).__name__, attempt=envelope.attempt)
        raise Undone(Outcome.POISON) from error


def _record(handler: PushHandler[M], message: M, outcome: Outcome) -> None:
    """Let the handler record that the last attempt failed. Raises Undone, as its caller would."""
    try:
        handler.expired(message, ATTEMPTS_EXHAUSTED)
    except Exception as error:
        log.exception("failure not recorded")
        raise Undone(outcome) from error
    log.warning("attempts exhausted", outcome=outcome.value)


def _problem(outcome: Outcome) -> Problem:
    """The answer to a delivery that is to come again, or to become a dead letter."""
    headers = {"Retry-After": str(_RETRY_AFTER_S)}
    if outcome is Outcome.POISON:
        return Problem(UNREADABLE_MESSAGE, "the message does not have the fields of this topic")
    if outcome is Outcome.RETRY:
        return Problem(RETRY_LATER, "busy, or a store does not answer", headers=headers)
    return Problem(INTERNAL, "the failure has been logged under this trace")
