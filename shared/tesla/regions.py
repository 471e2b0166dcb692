"""Fleet API regions and their hosts; no other host is ever called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from shlex import quote
from urllib.parse import urlsplit

import msgspec

_URL = re.compile(r"https?://[^\s,\"'<>]+")
_USUAL_PORTS = {"https": ":443", "http": ":80"}


class Installation(msgspec.Struct, frozen=True):
    """What tells this installation from others: the host that it is registered for, and the environment variables
    by which the command line finds it (none on one machine).
    """

    domain: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    def registration_command(self, region: str) -> str:
        """What an operator types when Tesla says that the application is not registered in the region."""
        named = (*self.variables, ("REGION", region))
        words = [f"{name}={quote(value)}" for name, value in named]
        return " ".join((*words, f"DOMAIN={self.domain or '<host>'}", "./run -a do_tesla_register_partner"))


class Regions(msgspec.Struct, frozen=True):
    """The allow list: region (``eu``, ``na``, ``cn``) -> base URL."""

    base_urls: Mapping[str, str]

    def base_url(self, region: str) -> str:
        """The region's base URL, without a trailing slash. Raises KeyError for an unknown region."""
        return self.base_urls[region].rstrip("/")

    def of_url(self, url: str) -> str | None:
        """The region whose host the URL names, or None: such a URL is not to be followed."""
        wanted = _place(url.strip().rstrip("/,."))
        matches = (name for name, base in self.base_urls.items() if wanted and _place(base) == wanted)
        return next(matches, None)

    def named(self, urls: Iterable[str]) -> tuple[str, ...]:
        """The regions whose hosts are among the URLs, such as a token's audiences."""
        return tuple(dict.fromkeys(region for region in map(self.of_url, urls) if region))

    def in_text(self, text: str) -> str | None:
        """The region named by the first known base URL in Tesla's words (the body of a 421)."""
        found = (self.of_url(match) for match in _URL.findall(text.replace("\\/", "/")))  # JSON may escape slashes
        return next((region for region in found if region), None)


def _place(url: str) -> str:
    """The URL's host with its port, nothing where it has none: it comes from an answer, so anything may stand there.

    A name before the host stays in: it makes another place of it, which is on no list.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.lower().removesuffix(_USUAL_PORTS.get(parts.scheme, ":"))
