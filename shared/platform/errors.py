"""What a port may raise.

PlatformError
├── AlreadyExists        create of a key or object that is there
├── VersionChanged       replace or delete of something changed (or gone) since it was read
├── NotFound             a secret or object that is not there
├── InvalidCursor        a page token that this query did not give out
└── Unavailable          the store did not answer; nothing is known about the effect
"""

from __future__ import annotations


class PlatformError(Exception):
    """Base of everything a port raises."""


class AlreadyExists(PlatformError):
    """The key or object to be created is there already."""


class VersionChanged(PlatformError):
    """The document or object was changed or deleted since the given version was read."""


class NotFound(PlatformError):
    """The named secret or object does not exist."""


class InvalidCursor(PlatformError):
    """The page cursor was not given out by this query."""


class Unavailable(PlatformError):
    """The store did not answer in time; whether the effect took place is unknown."""


class WorkBusy(PlatformError):
    """Another worker holds this piece of work; whoever delivered it should do so again later."""
