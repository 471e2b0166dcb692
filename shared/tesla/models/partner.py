"""The application's own account at Tesla."""

from __future__ import annotations

from shared.tesla.wire import WireModel


class PartnerAccount(WireModel, frozen=True, kw_only=True):
    """Answer of the registration; `public_key` is PEM, `enterprise_tier` for example ``free``."""

    account_id: str | None = None
    domain: str | None = None
    name: str | None = None
    description: str | None = None
    client_id: str | None = None
    ca: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    enterprise_tier: str | None = None
    csr: str | None = None
    public_key: str | None = None


class PartnerPublicKey(WireModel, frozen=True, kw_only=True):
    """The key that Tesla holds for a domain: an uncompressed point, in hex."""

    public_key: str | None = None
