"""The person behind a token, and the application itself.

Source: Tesla's Fleet API documentation, user and partner endpoints. The price category of the user endpoints is not
public; they are counted as data, so that a bill is never higher than what was reckoned.
"""

from __future__ import annotations

from shared.tesla.catalogue.endpoint import Endpoint, Price

_USER = ("user_data",)

USERS = (
    Endpoint(name="feature_config", method="GET", path="/api/1/users/feature_config", scopes=_USER),
    Endpoint(name="user_me", method="GET", path="/api/1/users/me", scopes=_USER),
    Endpoint(name="user_orders", method="GET", path="/api/1/users/orders", scopes=_USER, root="response[]"),
    Endpoint(name="user_region", method="GET", path="/api/1/users/region"),
)

PARTNER = (
    Endpoint(
        name="partner_accounts",
        method="POST",
        path="/api/1/partner_accounts",
        token="partner",
        price=Price.FREE,
        body=("domain",),
    ),
    Endpoint(
        name="partner_public_key",
        method="GET",
        path="/api/1/partner_accounts/public_key",
        token="partner",
        price=Price.FREE,
        query=("domain",),
        needs=("domain",),
    ),
)
