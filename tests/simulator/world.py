"""The simulated world: accounts with their cars and energy sites, all drawn from one seed."""

from __future__ import annotations

import uuid
from random import Random

from .answers import Json
from .clock import Clock
from .config import SimulatorConfig
from .energy_site import EnergySite
from .energy_troubles import afflict
from .vehicle import Vehicle

NAMES = ("Testy McTesterson", "Aino Väisänen", "李小龍", "José Ñandú", "Zoë O'Hara")


class Account:
    """A Tesla account: identity, home region, cars, sites and what it has consented to."""

    def __init__(self, index: int, config: SimulatorConfig, epoch_s: float, clock: Clock) -> None:
        rng = Random(f"account:{config.seed}:{index}")
        self.index = index
        self.region: str = config.region[index % len(config.region)]
        self.email = f"owner{index + 1}@example.com"
        self.name = NAMES[index % len(NAMES)]
        self.sub = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self.vault = str(uuid.UUID(int=rng.getrandbits(128), version=4))
        self.consented: frozenset[str] | None = None
        self._next_site = 10**12 + rng.randrange(10**5) * 10**10 + index * 10**5
        self.vehicles = [
            Vehicle(config.seed, index * config.vehicles + n, self.region, epoch_s, clock)
            for n in range(config.vehicles)
        ]
        self._sessions, self._config, self._clock = config.sessions, config, clock
        self.sites: list[EnergySite] = []
        for _ in range(config.sites):
            self.add_site()

    def add_site(self) -> EnergySite:
        """One more energy site, in the account's region."""
        site = EnergySite(self._next_site, self.region, self._config, self._clock)
        self._next_site += 1
        self.sites.append(site)
        return site

    def sessions(self, vin: str | None = None) -> list[Json]:
        """Charging sessions of all cars, or of one."""
        cars = [car for car in self.vehicles if vin in {None, car.vin}]
        return [session for car in cars for session in car.sessions(self._sessions)]

    def me(self) -> Json:
        """The body of users/me."""
        return {
            "email": self.email,
            "full_name": self.name,
            "profile_image_url": f"https://vehicle-files.prd.eu.vn.cloud.tesla.com/profile_images/{self.vault}.jpg",
            "vault_uuid": self.vault,
        }


class World:
    """Everything there is, with the look-ups that endpoints need."""

    def __init__(self, config: SimulatorConfig, clock: Clock) -> None:
        self._config = config
        self.epoch_s = config.epoch_s or clock.midnight()
        self.accounts = [Account(n, config, self.epoch_s, clock) for n in range(config.accounts)]
        self.owners: dict[str, Account] = {}
        self._known: dict[str, Account] = {}
        self.vehicles: dict[str, Vehicle] = {}
        self.sites: dict[str, tuple[Account, EnergySite]] = {}
        for account in self.accounts:
            self._index(account)
        afflict((site for account in self.accounts for site in account.sites), config)

    def account(self, email_or_index: str | int) -> Account:
        """The account of an e-mail address, a subject or a number.

        Raises:
            KeyError: there is none.
        """
        return self._known[str(email_or_index)]

    def vehicle(self, tag: str | None) -> Vehicle | None:
        """The car of a VIN or of an id from the list."""
        return self.vehicles.get(tag) if tag else None

    def add_sites(self, email_or_index: str | int, count: int) -> list[EnergySite]:
        """Give an account more energy sites.

        Raises:
            KeyError: there is no such account.
        """
        account = self.account(email_or_index)
        added = [account.add_site() for _ in range(count)]
        self._index(account)
        afflict(added, self._config)
        return added

    def every_site(self) -> list[EnergySite]:
        """The sites of all accounts."""
        return [site for _, site in self.sites.values()]

    def describe(self) -> Json:
        """Accounts, VINs and ids, for another process to work with."""
        return {"epoch_s": self.epoch_s, "accounts": [_describe(account) for account in self.accounts]}

    def _index(self, account: Account) -> None:
        self._known |= dict.fromkeys((account.email, account.sub, str(account.index)), account)
        for car in account.vehicles:
            self.vehicles[car.vin] = self.vehicles[str(car.id)] = car
            self.owners[car.vin] = account
        for site in account.sites:
            self.sites[str(site.site_id)] = (account, site)


def _describe(account: Account) -> Json:
    return {
        "email": account.email,
        "sub": account.sub,
        "region": account.region,
        "vehicles": [
            {"vin": car.vin, "id": car.id, "state": car.state, "in_service": car.in_service}
            for car in account.vehicles
        ],
        "sites": [{"energy_site_id": site.site_id, "site_name": site.name} for site in account.sites],
        "consented": sorted(account.consented) if account.consented is not None else None,
    }
