"""What a simulated car is: model, colour, age, battery. Every payload of the car is drawn from it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Model:
    """A car model as the API spells it in its several places."""

    car_type: str
    code: str
    letter: str
    name: str
    trim_badging: str
    option: str
    body: str
    capacity_kwh: float
    range_mi: float
    seats: int


MODELS = (
    Model(
        "model3", "m3", "3", "Model 3 Premium Long Range All-Wheel Drive", "74d", "$MT352", "Sedan", 78.1, 341.0, 5
    ),
    Model("modely", "my", "Y", "Model Y Long Range All-Wheel Drive", "74d", "$MTY03", "SUV", 78.4, 331.0, 5),
    Model("model3", "m3", "3", "Model 3 Rear-Wheel Drive", "50", "$MT322", "Sedan", 60.5, 272.0, 5),
    Model("models", "ms", "S", "Model S Dual Motor", "100d", "$MTS13", "Liftback", 98.4, 402.0, 5),
    Model("modelx", "mx", "X", "Model X Plaid", "p100d", "$MTX14", "SUV", 98.4, 333.0, 6),
)

COLOURS = (
    ("DeepBlue", "$PPSB", "PPSB", "Deep Blue Metallic"),
    ("PearlWhite", "$PPSW", "PPSW", "Pearl White Multi-Coat"),
    ("StealthGrey", "$PN01", "PN01", "Stealth Grey"),
    ("UltraRed", "$PR01", "PR01", "Ultra Red"),
)

NAMES = ("MyTesla", None, "Sähköauto ⚡", "", "小特", "L'Éclair", "Ørn", 'Bob\'s "fast" car')
"""Display names: none and empty ones included, as accounts really have them."""

FIRMWARES = ("2026.2.3", "2026.8.1", "2025.44.25.4", "2026.14.6.1")


@dataclass(frozen=True, slots=True)
class Profile:
    """The facts of one car. Distances in miles, energy in kWh, `health` is capacity left, 0..1."""

    vin: str
    model: Model
    colour: tuple[str, str, str, str]
    display_name: str | None
    firmware: str
    year: int
    odometer_mi: float
    health: float
    battery_level: int
    latitude: float
    longitude: float

    @property
    def full_range_mi(self) -> float:
        """Rated range at 100 % with today's battery."""
        return self.model.range_mi * self.health


def make_vin(rng: Random, model: Model, index: int) -> str:
    """A 17 character VIN, unique by `index` (0..899999) within one seed."""
    maker = rng.choice(("LRW", "XP7", "5YJ", "7SA"))
    plant = {"LRW": "C", "XP7": "B", "5YJ": "F", "7SA": "A"}[maker]
    return f"{maker}{model.letter}E7EK{rng.choice('0123456789X')}{rng.choice('KLMNPRST')}{plant}{100_000 + index}"


def make_profile(seed: int, index: int) -> Profile:
    """The car number `index` of the world of `seed`."""
    rng = Random(f"car:{seed}:{index}")
    model = MODELS[index % len(MODELS)]
    age = rng.uniform(0.4, 6.0)
    return Profile(
        vin=make_vin(rng, model, index),
        model=model,
        colour=rng.choice(COLOURS),
        display_name=NAMES[index % len(NAMES)],
        firmware=rng.choice(FIRMWARES),
        year=2026 - int(age),
        odometer_mi=round(age * rng.uniform(5_000, 15_000), 6),
        health=round(1.0 - 0.018 * age - rng.uniform(0, 0.02), 4),
        battery_level=rng.randint(18, 96),
        latitude=round(60.1 + rng.uniform(-0.4, 0.4), 6),
        longitude=round(24.9 + rng.uniform(-0.4, 0.4), 6),
    )
