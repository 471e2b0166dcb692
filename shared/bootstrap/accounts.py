"""Connected accounts: grants, consent, tokens, sessions, registration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shared import bootstrap
from shared.bootstrap.lifetime import built_once

if TYPE_CHECKING:
    from shared.accounts.consent import Consent
    from shared.accounts.grants import Grants
    from shared.accounts.keeper import TokenKeeper
    from shared.accounts.registration import Registrar
    from shared.accounts.session import AccountSession, PartnerTokens


class _OfAccount(Protocol):
    def of(self, account: str) -> AccountSession: ...


@built_once
def grants() -> Grants:
    """Grants of owners."""
    from shared.accounts.grants import Grants

    return Grants(bootstrap.documents(), bootstrap.clock)


@built_once
def keeper() -> TokenKeeper:
    """The keeper of tokens."""
    from shared.accounts.keeper import TokenKeeper
    from shared.accounts.messages import refresh_message

    return TokenKeeper(
        bootstrap.documents(),
        bootstrap.sealer(),
        bootstrap.tesla_auth(),
        bootstrap.due(),
        bootstrap.clock,
        refresh_message,
    )


@built_once
def consent() -> Consent:
    """The owner's consent."""
    from shared.accounts.consent import Consent, ConsentRules
    from shared.tesla.catalogue import Contract

    chosen = bootstrap.settings()
    rules = ConsentRules(
        vehicle_scopes=chosen.tesla_vehicle_scopes,
        energy=Contract.BRIEF if chosen.tesla_energy_contract == "brief" else Contract.PUBLISHED,
        auto=chosen.tesla_energy_contract == "auto",
        redirect_uri=f"{chosen.public_url.rstrip('/')}/api/v1/tesla/oauth/callback",
        life_s=chosen.consent_s,
    )
    return Consent(
        bootstrap.documents(),
        bootstrap.sealer(),
        bootstrap.tesla_auth(),
        bootstrap.keeper(),
        bootstrap.due(),
        bootstrap.clock,
        rules,
    )


@built_once
def partner_tokens() -> PartnerTokens:
    """Tokens of the application itself."""
    from shared.accounts.session import PartnerTokens

    return PartnerTokens(bootstrap.tesla_auth(), bootstrap.clock)


@built_once
def sessions() -> _OfAccount:
    """Where sessions of accounts come from."""
    from shared.accounts.session import AccountSession

    class Sessions:
        """Sessions over this process's keeper and client."""

        def of(self, account: str) -> AccountSession:
            """The Fleet API as the account sees it."""
            return AccountSession(
                account, bootstrap.keeper(), bootstrap.fleet_client(), bootstrap.partner_tokens(), bootstrap.regions()
            )

    return Sessions()


@built_once
def registrar() -> Registrar:
    """The application's registration at Tesla."""
    from shared.accounts.registration import Registrar

    return Registrar(
        bootstrap.documents(),
        bootstrap.fleet_client(),
        bootstrap.partner_tokens(),
        bootstrap.clock,
        bootstrap.settings().tesla_regions,
    )
