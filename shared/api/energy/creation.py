"""A new enrolment: an id that cannot be guessed and the grant for it. Sites and account come with the consent."""

from __future__ import annotations

import secrets

import msgspec

from shared.accounts.grants import Grant
from shared.api.services import Services

_ID_BYTES = 16


class NewEnrolment(msgspec.Struct, frozen=True):
    """`token` is what the owner presents from now on; it is not kept anywhere."""

    token: str
    bearer: Grant


def create_enrolment(services: Services) -> NewEnrolment:
    """Create an enrolment; its grant lives as long as the settings keep enrolments."""
    desk = services.energy()
    expires_at = desk.clock.now() + desk.enrolled_for
    token, grant = services.grants.issue("enrolment", secrets.token_hex(_ID_BYTES), expires_at)
    return NewEnrolment(token, grant)
