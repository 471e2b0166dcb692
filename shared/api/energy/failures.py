"""What the fleet's domain raises, as problems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from shared.api.failures import NOT_CONNECTED, TESLA_UNAVAILABLE, as_problems
from shared.edge.problems import NOT_FOUND, Problem, ProblemType
from shared.energy.enrolling import NotConnected, SiteNotListed
from shared.energy.registry import SiteGone, SiteTaken
from shared.energy.settings_of_site import BadSetting
from shared.platform.errors import InvalidCursor, VersionChanged
from shared.tesla.decode import Undecodable

SITE_NOT_LISTED = ProblemType("site-not-listed", 422, "The Tesla account lists no such site with a battery")
SITE_TAKEN = ProblemType("site-taken", 409, "The site is enrolled through another Tesla account")
SITE_NOT_OPERABLE = ProblemType("site-not-operable", 409, "The site takes no part now; nothing is sent to it")
OWNER_DECIDES = ProblemType("owner-decides", 409, "The owner opted out; only the owner can opt in again")
SETTING_INVALID = ProblemType("setting-invalid", 422, "The site cannot be set to this; nothing was sent")
TARIFF_INVALID = ProblemType("tariff-invalid", 422, "The tariff cannot be used; nothing was sent")
RECORD_INVALID = ProblemType("record-invalid", 422, "This cannot be recorded")
IMPORT_INVALID = ProblemType("import-invalid", 422, "The list cannot be read as a whole; nothing was recorded")
CURSOR_INVALID = ProblemType("cursor-invalid", 400, "The cursor is not one of this list; begin without one")
SITES_BUSY = ProblemType("sites-busy", 503, "The sites are being written; try again shortly")


@contextmanager
def as_energy_problems() -> Iterator[None]:
    """Turn what the fleet's domain and Tesla raise into problems."""
    try:
        with as_problems():
            yield
    except BadSetting as error:
        kind = TARIFF_INVALID if error.problems else SETTING_INVALID
        raise Problem(kind, str(error), problems=error.problems) from None
    except Undecodable as error:
        raise Problem(TESLA_UNAVAILABLE, f"Tesla's answer cannot be read: {error.reason}") from None
    except (
        SiteGone,
        SiteTaken,
        NotConnected,
        SiteNotListed,
        InvalidCursor,
        VersionChanged,
    ) as error:
        raise _of_registry(error) from None


def _of_registry(error: Exception) -> Problem:
    if isinstance(error, SiteGone):
        return Problem(NOT_FOUND, "no such site is enrolled here")
    if isinstance(error, SiteNotListed):
        return Problem(SITE_NOT_LISTED, f"site {error.site_id} is not among the account's sites with a battery")
    if isinstance(error, VersionChanged):
        return Problem(SITES_BUSY, "nothing is lost; repeat the call", headers={"Retry-After": "5"})
    kinds: dict[type[Exception], ProblemType] = {
        SiteTaken: SITE_TAKEN,
        NotConnected: NOT_CONNECTED,
        InvalidCursor: CURSOR_INVALID,
    }
    return Problem(kinds[type(error)], str(error))
