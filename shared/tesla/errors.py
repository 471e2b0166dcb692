"""What a call to Tesla may raise; callers branch on classes and record `reason`.

TeslaError
├── NotSent                 known to be refused, so never sent (and never billed)
│   ├── ScopeMissing        the owner did not grant a scope that the endpoint needs
│   ├── HeldBack            Tesla's billing limit was reached a short while ago
│   │   └── PlanLimitReached  a limit that this application keeps of itself, for a second, a day or a month
│   └── AudienceMissing     the tokens are not for the owner's region: only a new consent helps
├── NoAnswer                nothing usable came back; whether it was executed is unknown
│   ├── TimedOut
│   ├── ConnectionLost
│   └── Unreadable          HTML, truncated JSON, more bytes than we read
│       ├── EmptyAnswer     no bytes, where a document was asked for
│       └── NotAPdf         something else, where a PDF was asked for
└── Refused                 Tesla answered with an error status
    ├── Unauthorized        401: the access token is not accepted
    ├── LoginRequired       the token endpoint: only a new consent helps
    ├── LimitExceeded       402, 403 EXCEEDED_LIMIT: the application's bill, not the owner's doing
    ├── Forbidden           403
    ├── Missing             404, 410
    ├── Asleep              408: the vehicle sleeps or is offline, or its gateway is
    ├── RegionUnregistered  412: the application is not registered in this region
    ├── WrongRegion         421: the owner lives in another region
    ├── RateLimited         429
    ├── Rejected            every other 4xx: repeating the same call changes nothing
    │   └── ApplicationRefused  the token endpoint does not accept what this application is or asks for
    └── ServerError         5xx; not billed
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class TeslaError(Exception):
    """Base. `reason` is the stable code that orders and reports show; `retryable`: a later try may succeed."""

    reason: ClassVar[str] = "tesla_error"
    retryable: ClassVar[bool] = False


class NotSent(TeslaError):
    """The call would have been refused; it was not sent."""

    reason = "not_sent"


class ScopeMissing(NotSent):
    """The owner did not grant the scope; `scope` names it."""

    reason = "missing_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"the owner did not grant {scope}")
        self.scope = scope


class AudienceMissing(NotSent):
    """The consent's tokens are not for the region where the owner lives, and a refresh did not change that."""

    reason = "audience_missing"

    def __init__(self, region: str) -> None:
        super().__init__(f"the consent is not for region {region}")
        self.region = region


class HeldBack(NotSent):
    """The application's billing limit is reached: no calls are made for another `retry_after_s`."""

    reason = "billing_limit"
    retryable = True

    def __init__(
        self, retry_after_s: float, message: str = "the application's billing limit at Tesla is reached"
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PlanLimitReached(HeldBack):
    """A configured limit on calls is reached; `limit` says which in words, `again_at` when a call is allowed."""

    reason = "plan_limit"

    def __init__(self, limit: str, again_at: datetime, now: datetime) -> None:
        super().__init__((again_at - now).total_seconds(), f"the limit of {limit} is reached")
        self.limit, self.again_at = limit, again_at


class NoAnswer(TeslaError):
    """No usable answer; whether the call took effect is unknown."""

    reason = "no_answer"
    retryable = True


class TimedOut(NoAnswer):
    """Tesla did not answer in time."""

    reason = "timed_out"


class ConnectionLost(NoAnswer):
    """No connection, or it broke."""

    reason = "connection_lost"


class Unreadable(NoAnswer):
    """The answer is no JSON (or no PDF) that can be read."""

    reason = "unreadable"


class EmptyAnswer(Unreadable):
    """The answer has no bytes, where a document was asked for (Tesla is known for it with invoices)."""

    reason = "empty"


class NotAPdf(Unreadable):
    """The answer is no PDF, where one was asked for."""

    reason = "not_a_pdf"


class Refused(TeslaError):
    """An error status. `text` is the start of Tesla's own words, for classification, never for a log."""

    reason = "refused"

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__(f"Tesla answered {status}")
        self.status, self.text = status, text


class Unauthorized(Refused):
    """401: the access token expired or was withdrawn."""

    reason = "unauthorized"


class LoginRequired(Refused):
    """The refresh token is spent, expired or revoked: the owner has to consent again."""

    reason = "login_required"


class LimitExceeded(Refused):
    """The application's billing limit is reached, or payment is missing."""

    reason = "billing_limit"
    retryable = True


class Forbidden(Refused):
    """403: a missing scope, an unsupported vehicle, or a command that needs signing."""

    reason = "forbidden"


class Missing(Refused):
    """404 or 410."""

    reason = "not_found"


class Asleep(Refused):
    """408: the device cannot be reached now."""

    reason = "asleep"
    retryable = True


class RegionUnregistered(Refused):
    """412: the application has to be registered in the region first."""

    reason = "region_unregistered"
    retryable = True


class WrongRegion(Refused):
    """421: the account belongs to another region; `region` if the text names one that we know."""

    reason = "wrong_region"

    def __init__(self, status: int, text: str, region: str | None) -> None:
        super().__init__(status, text)
        self.region = region


class RateLimited(Refused):
    """429: not before `retry_after_s`."""

    reason = "rate_limited"
    retryable = True

    def __init__(self, status: int, text: str, retry_after_s: float) -> None:
        super().__init__(status, text)
        self.retry_after_s = retry_after_s


class Rejected(Refused):
    """Any other 4xx."""

    reason = "rejected"


class ApplicationRefused(Rejected):
    """The token endpoint refuses the application (its id or secret, or what it asks for), not the owner."""

    reason = "application_refused"


class ServerError(Refused):
    """5xx."""

    reason = "server_error"
    retryable = True
