"""Routes for tariffs: checked before any call, written once, read back, with what they bring about."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from shared import log
from shared.api.energy.failures import SITE_NOT_OPERABLE, TARIFF_INVALID, as_energy_problems
from shared.api.energy.operation import SITE, CommandView, command, command_view, operable
from shared.api.energy.tariff_views import FOLLOWS, Expectation, TariffView, expectation, present_tariff
from shared.api.failures import TESLA_PROBLEMS
from shared.api.services import Services
from shared.edge.problems import NOT_FOUND
from shared.edge.routes import Auth, Call, Reply, Route
from shared.energy.commands import Result
from shared.energy.model import Site
from shared.energy.settings_of_site import mode, tariff
from shared.energy.tariffs.examples import EXAMPLES
from shared.tesla.errors import TeslaError
from shared.tesla.metering import metered


class NewTariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A utility's schedule in the shape of Tesla's tariff_content_v2, Monday = 0.

    `activate` also sets the mode `autonomous`, without which a tariff does nothing.
    """

    tariff: dict[str, Any]
    activate: bool = False


class TariffSet(msgspec.Struct, frozen=True, kw_only=True):
    """How setting a tariff ended.

    Attributes:
        result: `confirmed`: Tesla shows the tariff; `not_applied`: it shows another one, `read_back`; `unknown`: it
            could not be read.
        read_back: What Tesla shows, where that is not what was sent.
        activation: How setting the mode ended; null where it was not asked for or not tried.
        activation_failed: Why the mode was not set although it was asked for.
        expected: What the tariff (where another one is shown: that one) brings about in the site's present mode.
    """

    energy_site_id: str
    result: Result
    accepted: bool
    tesla_message: str
    read_back: dict[str, Any] | None
    activation: CommandView | None
    activation_failed: str
    expected: Expectation


class ExampleTariffs(msgspec.Struct, frozen=True, kw_only=True):
    """Tariffs to start from, by name. Their prices are no utility's."""

    tariffs: dict[str, dict[str, Any]]


def set_tariff(services: Services, call: Call) -> Reply:
    """Check, write and read back a tariff; if asked for, set the mode that follows it."""
    wanted: NewTariff = call.body
    desk, site_id = services.energy(), call.path["site_id"]
    with as_energy_problems(), metered(services.ledger().meter()):
        setting = tariff(wanted.tariff)
        site = operable(desk, site_id)
        done = command(services, site_id, site, setting, call.principal)
        info, activation, failed = done.info, None, ""
        if wanted.activate and done.result != "confirmed":
            failed = "the tariff was not seen at the site, so its mode was left as it is"
        elif wanted.activate:
            activation, failed = _activate(services, site_id, site, call.principal)
    if activation is not None and info is not None and activation.result == "confirmed":
        info = msgspec.structs.replace(info, default_real_mode=FOLLOWS)
    return Reply(
        TariffSet(
            energy_site_id=site_id,
            result=done.result,
            accepted=done.accepted,
            tesla_message=done.message,
            read_back=None if done.result == "confirmed" else done.read_back,
            activation=activation,
            activation_failed=failed,
            expected=expectation(
                done.read_back if done.result == "not_applied" else wanted.tariff, info, desk.clock.now()
            ),
        )
    )


def show_tariff(services: Services, call: Call) -> Reply:
    """The tariff that the site has at Tesla."""
    desk, site_id = services.energy(), call.path["site_id"]
    with as_energy_problems(), metered(services.ledger().meter()):
        return Reply(present_tariff(desk, site_id, operable(desk, site_id)))


def examples(_services: Services, _call: Call) -> Reply:
    """Tariffs to start from."""
    return Reply(ExampleTariffs(tariffs={name: make() for name, make in EXAMPLES.items()}))


def _activate(services: Services, site_id: str, site: Site, actor: str) -> tuple[CommandView | None, str]:
    """Set the mode that follows the tariff. The tariff is set already: a failure here is told, not raised."""
    setting = mode("autonomous")
    try:
        done = command(services, site_id, site, setting, actor)
    except TeslaError as error:
        log.info("tariff not activated", reason=error.reason)
        return None, str(error)
    return command_view(site_id, setting, done, services.energy().clock.now()), ""


_set_route: Callable[..., Route[Services]] = partial(
    Route,
    auth=Auth.OPERATOR,
    handler=set_tariff,
    body=NewTariff,
    answer=TariffSet,
    problems=(NOT_FOUND, TARIFF_INVALID, SITE_NOT_OPERABLE, *TESLA_PROBLEMS),
)

ROUTES: tuple[Route[Services], ...] = (
    Route(
        method="GET",
        path=f"{SITE}/tariff",
        name="getTariff",
        summary="The tariff that the site has at Tesla, its peak windows and the present price",
        handler=show_tariff,
        auth=Auth.OPERATOR,
        answer=TariffView,
        problems=(NOT_FOUND, SITE_NOT_OPERABLE, *TESLA_PROBLEMS),
    ),
    _set_route(
        method="PUT",
        path=f"{SITE}/tariff",
        name="setTariff",
        summary="Set a tariff and read it back; says when the battery is expected to discharge",
    ),
    _set_route(
        method="POST",
        path=f"{SITE}/tariff_rate",
        name="setTariffRate",
        summary="The same under its older name",
    ),
    Route(
        method="GET",
        path="/api/v1/energy/tariffs/examples",
        name="listExampleTariffs",
        summary="Tariffs to start from: flat, two periods, two seasons",
        handler=examples,
        answer=ExampleTariffs,
    ),
)
