"""How Google's clients are called: their errors as the ports' errors, and what is tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shared.platform.errors import AlreadyExists, NotFound, PlatformError, Unavailable, VersionChanged

if TYPE_CHECKING:
    from google.api_core.retry import Retry


_TIMED_OUT = 408


@contextmanager
def platform_errors(
    *, missing: type[PlatformError] = NotFound, precondition: type[PlatformError] = VersionChanged
) -> Iterator[None]:
    """Run calls of a Google client; whatever it raises leaves as a PlatformError.

    Args:
        missing: Stands for NotFound.
        precondition: Stands for a precondition that did not hold.

    Raises:
        AlreadyExists: The thing to be created exists.
        Unavailable: No answer, no token to ask with, a server's failure, too many requests, or contention that did
            not end.
        PlatformError: Anything else, such as missing rights.
    """
    from google.api_core import exceptions as api
    from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
    from requests.exceptions import RequestException

    try:
        yield
    except api.AlreadyExists as error:
        raise AlreadyExists(str(error)) from error
    except api.NotFound as error:
        raise missing(str(error)) from error
    except (api.FailedPrecondition, api.PreconditionFailed) as error:
        raise precondition(str(error)) from error
    except (api.ServerError, api.RetryError, api.TooManyRequests, api.Aborted, api.Cancelled) as error:
        raise Unavailable(str(error)) from error
    except (TransportError, RefreshError, RequestException, TimeoutError, ConnectionError) as error:
        raise Unavailable(f"{type(error).__name__}: {error}") from error
    except api.GoogleAPICallError as error:
        # Cloud Storage ends an upload that came too slowly with 408, for which there is no class.
        kind = Unavailable if error.code == _TIMED_OUT else PlatformError
        raise kind(str(error)) from error
    except GoogleAuthError as error:
        raise PlatformError(f"{type(error).__name__}: {error}") from error


def retry_reads(timeout_s: float) -> Retry:
    """For calls that may run twice: tries again within `timeout_s` while the service cannot answer."""
    from google.api_core import exceptions as api

    return _retry(timeout_s, api.ServiceUnavailable, api.TooManyRequests, api.InternalServerError, api.Aborted)


def retry_contention(timeout_s: float) -> Retry:
    """For writes with a precondition: tries again only what certainly had no effect.

    After a lost answer a second try would meet the first one's effect and report a conflict with itself.
    """
    from google.api_core import exceptions as api

    return _retry(timeout_s, api.Aborted)


def _retry(timeout_s: float, *errors: type[Exception]) -> Retry:
    from google.api_core.retry import Retry, if_exception_type

    return Retry(if_exception_type(*errors), initial=0.05, maximum=2.0, multiplier=2.0, timeout=timeout_s)
