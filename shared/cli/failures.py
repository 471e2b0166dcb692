"""What goes wrong in an installation that is not in order, as findings: no stack trace helps who has to mend it."""

from __future__ import annotations

import sys

import requests

from shared import bootstrap
from shared.cli.output import Finding
from shared.platform.errors import NotFound, PlatformError
from shared.tesla.decode import Undecodable
from shared.tesla.errors import TeslaError

_OURS = (PlatformError, TeslaError, Undecodable, requests.RequestException)
_SIGN_IN = "gcloud auth application-default login, then run this again"
_NAME_IT = (
    "name the installation with ENV=dev|tst|prd or GOOGLE_CLOUD_PROJECT=..., or give TESLA_CLIENT_ID and "
    "TESLA_CLIENT_SECRET"
)
_LOOK = "see the cause; ./run -a doctor looks at the whole installation"


def expected() -> tuple[type[Exception], ...]:
    """The errors that are findings: ours, and those of Google's clients where these were loaded."""
    return (*_OURS, *_of_google("google.auth.exceptions", "GoogleAuthError"), *_google_api())


def finding_of(subject: str, error: Exception) -> Finding:
    """The finding that an expected error amounts to."""
    return Finding(subject, "failed", f"{type(error).__name__}: {error}", _remedy(error))


def _remedy(error: Exception) -> str:
    if isinstance(error, _of_google("google.auth.exceptions", "GoogleAuthError")):
        return _SIGN_IN
    # A command line that names no installation ends up on this machine, where as a rule there are no secrets.
    nowhere = isinstance(error, NotFound) and bootstrap.settings().backend == "embedded"
    return _NAME_IT if nowhere else _LOOK


def _google_api() -> tuple[type[Exception], ...]:
    return _of_google("google.api_core.exceptions", "GoogleAPIError")


def _of_google(module: str, name: str) -> tuple[type[Exception], ...]:
    """The class, if the module is loaded: what was not cannot have raised anything, and loading it takes a while."""
    return (getattr(sys.modules[module], name),) if module in sys.modules else ()
