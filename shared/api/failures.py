"""Domain errors as problems: one stable type for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from shared.accounts.consent import ConsentError
from shared.edge.problems import NOT_FOUND, Problem, ProblemType
from shared.orders.book import OrderGone
from shared.orders.service import OrderError
from shared.platform.errors import WorkBusy
from shared.tesla import errors as tesla
from shared.tesla.catalogue import ENERGY_SCOPES
from shared.tesla.ledger import BudgetExceeded

CONSENT_DENIED = ProblemType("consent-denied", 403, "The owner did not consent at Tesla")
CONSENT_SCOPE = ProblemType("consent-scope-refused", 502, "Tesla refuses a scope that this application asks for")
CONSENT_STATE = ProblemType("consent-state-invalid", 400, "This consent is unknown, used or expired; start it again")
CONSENT_CODE = ProblemType("consent-code-refused", 400, "Tesla does not accept this consent's code; start it again")
CONSENT_FAILED = ProblemType("consent-failed", 502, "Tesla reports an error instead of a consent; start it again")
CLAIM_INVALID = ProblemType("claim-invalid", 400, "The claim is unknown, used, expired or not this grant's")
SCOPE_MISSING = ProblemType("scope-missing", 403, "The owner did not grant what this needs; consent again")
REGION_UNAVAILABLE = ProblemType("region-unavailable", 422, "This service is not run for that region")
PRODUCT_UNKNOWN = ProblemType("product-unavailable", 400, "This grant is for another product")

PACKAGE_UNKNOWN = ProblemType("package-unknown", 422, "There is no such package")
WINDOW_INVALID = ProblemType("history-window-invalid", 422, "The history window is empty")
NOT_CONNECTED = ProblemType("not-connected", 409, "Connect a Tesla account first")
WRONG_STATE = ProblemType("wrong-state", 409, "The order's state does not allow this")
SELECTION_EMPTY = ProblemType("selection-empty", 422, "No vehicle is selected")
SELECTION_TOO_LARGE = ProblemType("selection-too-large", 422, "Too many vehicles are selected")
VEHICLE_UNKNOWN = ProblemType("vehicle-not-in-account", 422, "A selected vehicle is not in this account")
ACCOUNT_DIFFERS = ProblemType("account-differs", 409, "The order belongs to another Tesla account")
REPORT_NOT_READY = ProblemType("report-not-ready", 409, "The report is not ready; the order shows its progress")
REPORT_FAILED = ProblemType("report-failed", 409, "This vehicle has no report; the order shows why")
NO_INVOICES = ProblemType("no-invoices", 409, "This vehicle has no charging invoices")
ORDER_BUSY = ProblemType("order-busy", 503, "The order is being written; try again shortly")

TESLA_UNAVAILABLE = ProblemType("tesla-unavailable", 503, "Tesla does not answer usably; try again shortly")
TESLA_BUSY = ProblemType("tesla-rate-limited", 503, "Tesla asks to wait")
TESLA_LIMIT = ProblemType("tesla-billing-limit", 503, "This service's allowance at Tesla is used up; try again later")
TESLA_PLAN = ProblemType("tesla-plan-limit", 503, "A limit that this service keeps at Tesla is reached for now")
TESLA_REFUSED = ProblemType("tesla-refused", 502, "Tesla refuses this")
TESLA_BUDGET = ProblemType("tesla-budget-exceeded", 503, "The budget for calls to Tesla is used up")
TESLA_APPLICATION = ProblemType(
    "tesla-application-refused", 502, "Tesla does not accept this service's credentials; its operator has been told"
)
TESLA_LOGIN = ProblemType("tesla-login-required", 409, "The consent at Tesla has ended; consent again")
TESLA_AUDIENCE = ProblemType(
    "tesla-audience-missing", 409, "The consent at Tesla is not for the owner's region; consent again"
)
TESLA_REGION = ProblemType("tesla-region-unregistered", 503, "This service is not registered in the owner's region")

_CONSENT: Mapping[str, ProblemType] = MappingProxyType(
    {
        "denied": CONSENT_DENIED,
        "invalid_scope": CONSENT_SCOPE,
        "state_unknown": CONSENT_STATE,
        "state_expired": CONSENT_STATE,
        "state_used": CONSENT_STATE,
        "code_missing": CONSENT_CODE,
        "tesla_error": CONSENT_FAILED,
        "claim_unknown": CLAIM_INVALID,
    }
)
_ORDER: Mapping[str, ProblemType] = MappingProxyType(
    {
        "unknown_package": PACKAGE_UNKNOWN,
        "bad_window": WINDOW_INVALID,
        "not_connected": NOT_CONNECTED,
        "wrong_state": WRONG_STATE,
        "nothing_selected": SELECTION_EMPTY,
        "too_many": SELECTION_TOO_LARGE,
        "vehicle_unknown": VEHICLE_UNKNOWN,
        "other_account": ACCOUNT_DIFFERS,
        "not_ready": REPORT_NOT_READY,
        "no_report": REPORT_FAILED,
    }
)
_TESLA: tuple[tuple[type[tesla.TeslaError], ProblemType], ...] = (
    (BudgetExceeded, TESLA_BUDGET),
    (tesla.ScopeMissing, SCOPE_MISSING),
    (tesla.AudienceMissing, TESLA_AUDIENCE),
    (tesla.ApplicationRefused, TESLA_APPLICATION),
    (tesla.LoginRequired, TESLA_LOGIN),
    (tesla.RegionUnregistered, TESLA_REGION),
    (tesla.RateLimited, TESLA_BUSY),
    (tesla.LimitExceeded, TESLA_LIMIT),
    (tesla.PlanLimitReached, TESLA_PLAN),
    (tesla.HeldBack, TESLA_LIMIT),
    (tesla.NoAnswer, TESLA_UNAVAILABLE),
    (tesla.ServerError, TESLA_UNAVAILABLE),
)
CONSENT_PROBLEMS = tuple(dict.fromkeys(_CONSENT.values()))
TESLA_PROBLEMS = (*dict.fromkeys(kind for _, kind in _TESLA), TESLA_REFUSED)


@contextmanager
def as_problems() -> Iterator[None]:
    """Turn what the domain raises into problems."""
    try:
        yield
    except OrderGone:
        raise Problem(NOT_FOUND, "nothing here belongs to the grant presented, if one was") from None
    except OrderError as error:
        raise Problem(_ORDER[error.kind], str(error)) from None
    except WorkBusy:
        raise Problem(ORDER_BUSY, "nothing is lost; repeat the call", headers={"Retry-After": "5"}) from None
    except ConsentError as error:
        raise Problem(_CONSENT[error.outcome], str(error)) from None
    except tesla.TeslaError as error:
        raise _of_tesla(error) from None


def _of_tesla(error: tesla.TeslaError) -> Problem:
    if error.reason == "code_refused":
        return Problem(CONSENT_CODE, "start the consent again")
    if error.reason == "disconnected":
        return Problem(TESLA_LOGIN, "the Tesla account was disconnected; consent again")
    kind = next((kind for raised, kind in _TESLA if isinstance(error, raised)), TESLA_REFUSED)
    wait_s = error.retry_after_s if isinstance(error, tesla.RateLimited | tesla.HeldBack) else 10
    headers = {"Retry-After": str(round(wait_s))} if kind.status == 503 else {}  # noqa: PLR2004
    return Problem(kind, _words(error), headers=headers)


def _words(error: tesla.TeslaError) -> str:
    if isinstance(error, tesla.PlanLimitReached):
        return f"the limit of {error.limit} is reached; the next call is allowed at {error.again_at.isoformat()}"
    if isinstance(error, tesla.ScopeMissing):
        return f"the owner did not grant {scope_names(error.scope)}"
    return f"outcome at Tesla: {error.reason}"


def scope_names(scope: str) -> str:
    """The scope under every name that counts for it; energy scopes have two."""
    pair = next((pair for pair in zip(*ENERGY_SCOPES.values(), strict=True) if scope in pair), (scope,))
    return " or ".join(pair)
