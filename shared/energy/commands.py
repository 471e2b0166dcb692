"""Commands to one site: written once, in the contract that the host speaks, and read back.

Tesla answers a write with 200 and a code of its own in the body; neither says that the site took it. So every command
ends with a look at ``site_info``. Where the write itself has no usable answer, that look decides too: nothing is ever
sent twice.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal

import msgspec

from shared import log
from shared.accounts.session import AccountSession
from shared.energy.contracts import ContractMemory
from shared.energy.settings_of_site import Setting
from shared.platform.ports import Clock
from shared.tesla.catalogue import Contract, energy_endpoint
from shared.tesla.decode import Undecodable, decode
from shared.tesla.errors import Missing, NoAnswer, Rejected, ServerError, TeslaError
from shared.tesla.models.energy import CommandAnswer
from shared.tesla.models.site_info import SiteInfo
from shared.tesla.setting_writes import SettingWrites

Result = Literal["confirmed", "not_applied", "unknown"]
_LOOKS_S = (0.0, 1.0, 3.0)
"""Waits before the looks at a setting that has not changed yet."""
_GOOD = range(200, 300)


class Commanded(msgspec.Struct, frozen=True):
    """How a command ended.

    `confirmed`: the site's settings show the value. `not_applied`: they show another one, `read_back`. `unknown`:
    they could not be read, or leave this one out. `accepted` is what Tesla said to the write, `message` its words for
    people.
    """

    result: Result
    accepted: bool
    read_back: Any
    info: SiteInfo | None
    message: str = ""


class SiteCommands:
    """Writes settings of single sites."""

    def __init__(
        self,
        sessions: Callable[[str], AccountSession],
        contracts: ContractMemory,
        writes: SettingWrites,
        clock: Clock,
    ) -> None:
        self._sessions, self._contracts, self._writes, self._clock = sessions, contracts, writes, clock

    def info(self, account: str, site_id: str) -> SiteInfo:
        """The site's settings, as Tesla has them now. Raises TeslaError, Undecodable."""
        answer = self._sessions(account).call("site_info", path={"energy_site_id": site_id})
        return decode(answer.body, SiteInfo).value

    def set(self, account: str, site_id: str, setting: Setting) -> Commanded:
        """Write the setting and read it back.

        Raises PlanLimitReached (nothing was sent) and TeslaError where Tesla refuses the write.
        """
        self._writes.take(site_id, tariff=setting.is_tariff)
        accepted, message = False, ""
        try:
            message = self._write(account, site_id, setting)
            accepted = True
        except (NoAnswer, ServerError) as error:
            log.info("write without an answer, reading back", action=setting.action.value, reason=error.reason)
        found = self._read_back(account, site_id, setting)
        result = _result(setting, found)
        log.info("site commanded", action=setting.action.value, result=result, accepted=accepted)
        return Commanded(result, accepted, setting.read(found) if found else None, found, message)

    def _write(self, account: str, site_id: str, setting: Setting) -> str:
        """Send the write, in the other contract's form if the host does not know the first; gives Tesla's words."""
        session = self._sessions(account)
        region = session.region
        first = self._contracts.of(region)
        try:
            words = self._send(session, site_id, setting, first)
            spoken = first
        except (Rejected, Missing) as error:
            if not self._is_unknown_form(session, site_id, setting, error):
                raise
            words = self._send(session, site_id, setting, first.other)
            spoken = first.other
        self._contracts.remember(region, spoken)
        return words

    def _send(self, session: AccountSession, site_id: str, setting: Setting, contract: Contract) -> str:
        endpoint = energy_endpoint(setting.action, contract)
        answer = session.call(endpoint.name, path={"energy_site_id": site_id}, json=setting.body(endpoint))
        try:
            said = decode(answer.body, CommandAnswer).value
        except Undecodable:
            return ""
        if said.status is not None and said.status not in _GOOD:
            raise Rejected(said.status, said.text or "")
        return said.text or ""

    def _is_unknown_form(
        self, session: AccountSession, site_id: str, setting: Setting, error: Rejected | Missing
    ) -> bool:
        """Whether the host refuses the form of the write, not the write: 405, or 404 while the site answers."""
        both = {energy_endpoint(setting.action, contract).name for contract in Contract}
        if not self._contracts.may_change or len(both) == 1:
            return False
        if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
            return True
        if error.status != HTTPStatus.NOT_FOUND:
            return False
        try:
            session.call("site_info", path={"energy_site_id": site_id})
        except TeslaError:
            return False
        return True

    def _read_back(self, account: str, site_id: str, setting: Setting) -> SiteInfo | None:
        """The site's settings, looked at again for a short while if they do not show the value yet."""
        found: SiteInfo | None = None
        for wait_s in _LOOKS_S:
            if wait_s:
                self._clock.sleep(wait_s)
            try:
                found = self.info(account, site_id)
            except (TeslaError, Undecodable) as error:
                log.info("read-back failed", action=setting.action.value, error=type(error).__name__)
                continue
            if setting.holds(found):
                break
        return found


def _result(setting: Setting, found: SiteInfo | None) -> Result:
    """What the settings show. Not every site lists every setting; no tariff is a value of its own."""
    if found is None or (setting.read(found) is None and not setting.is_tariff):
        return "unknown"
    return "confirmed" if setting.holds(found) else "not_applied"
