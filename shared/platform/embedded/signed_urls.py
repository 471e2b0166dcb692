"""URLs of the local gateway that anyone may GET until they expire.

``{base_url}/api/v1/blobs/{name}?expires=UNIX_S[&filename=NAME]&signature=HMAC-SHA256``
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

from shared.platform.limits import attachment, check_lifetime
from shared.platform.ports import Clock

PATH: Final = "/api/v1/blobs/"
"""Where the gateway serves them."""

MIN_KEY_BYTES: Final = 16
"""A shorter signing key is refused."""


class UrlSigner:
    """Signs URLs, and tells the gateway which to serve."""

    def __init__(self, base_url: str, signing_key: bytes, clock: Clock) -> None:
        """Sign with `signing_key`. Raises ValueError if it has fewer than 16 bytes."""
        if len(signing_key) < MIN_KEY_BYTES:
            raise ValueError(f"a signing key has at least {MIN_KEY_BYTES} bytes")
        self._base_url = base_url.rstrip("/")
        self._signing_key = signing_key
        self._clock = clock

    def sign(self, name: str, *, expires_in_s: int, download_name: str | None) -> str:
        """The URL of the object `name` (1 s to 7 days). Raises ValueError for other lifetimes or a bad file name."""
        check_lifetime(expires_in_s)
        query = {"expires": str(int(self._clock.now().timestamp()) + expires_in_s)}
        if download_name is not None:
            attachment(download_name)
            query["filename"] = download_name
        query["signature"] = self._signature(name, query)
        return f"{self._base_url}{PATH}{quote(name)}?{urlencode(query)}"

    def verify(self, name: str, query: Mapping[str, str]) -> bool:
        """Whether `query` (decoded, one value a name) allows reading `name` now."""
        given = query.get("signature", "").encode("utf-8", "replace")
        if not hmac.compare_digest(self._signature(name, query).encode(), given):
            return False
        return self._clock.now().timestamp() < int(query["expires"])

    def _signature(self, name: str, query: Mapping[str, str]) -> str:
        signed = json.dumps(["GET", name, query.get("expires"), query.get("filename")])
        return hmac.new(self._signing_key, signed.encode(), hashlib.sha256).hexdigest()
