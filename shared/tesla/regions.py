"""Fleet API regions and their hosts; no other host is ever called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

_URL = re.compile(r"https?://[^\s,\"'<>]+")


def registration_command(region: str, domain: str) -> str:
    """What an operator types when Tesla says that the application is not registered in the region."""
    return f"REGION={region} DOMAIN={domain or '<host>'} ./run -a do_tesla_register_partner"


class Regions(msgspec.Struct, frozen=True):
    """The allow list: region (``eu``, ``na``, ``cn``) -> base URL."""

    base_urls: Mapping[str, str]

    def base_url(self, region: str) -> str:
        """The region's base URL, without a trailing slash. Raises KeyError for an unknown region."""
        return self.base_urls[region].rstrip("/")

    def of_url(self, url: str) -> str | None:
        """The region whose host the URL names, or None: such a URL is not to be followed."""
        try:
            wanted = urlsplit(url.strip().rstrip("/,.")).netloc.lower()
        except ValueError:  # it comes from an answer: anything may stand there
            return None
        matches = (name for name, base in self.base_urls.items() if urlsplit(base).netloc.lower() == wanted)
        return next(matches, None)

    def named(self, urls: Iterable[str]) -> tuple[str, ...]:
        """The regions whose hosts are among the URLs, such as a token's audiences."""
        return tuple(dict.fromkeys(region for region in map(self.of_url, urls) if region))

    def in_text(self, text: str) -> str | None:
        """The region named by the first known base URL in Tesla's words (the body of a 421)."""
        found = (self.of_url(match) for match in _URL.findall(text))
        return next((region for region in found if region), None)
