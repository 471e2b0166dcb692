"""Why a site does not count towards what the fleet can deliver, in words, and what to do about it.

The order of the members is the order of precedence: of several causes the first is given. It goes from what people
decide, over what Tesla and the utility record, to what the equipment reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Cause of a site's exclusion; `AT_RESERVE` is none, but says why an eligible site can give nothing."""

    OWNER_OPTED_OUT = "owner_opted_out"
    OPERATOR_OPTED_OUT = "operator_opted_out"
    ACCESS_REVOKED = "access_revoked"
    NOT_AUTHORISED = "not_authorised"
    OTHER_OPERATOR = "other_operator"
    PROGRAMME_EXPIRED = "programme_expired"
    NOT_IN_PROGRAMME = "not_in_programme"
    UTILITY_EXPIRED = "utility_expired"
    NOT_AT_UTILITY = "not_at_utility"
    NO_EQUIPMENT = "no_equipment"
    NO_BATTERY = "no_battery"
    NO_READING = "no_reading"
    EMPTY_ANSWER = "empty_answer"
    NO_DEVICE_TIME = "no_device_time"
    DEAD = "dead"
    STALE = "stale"
    UNBALANCED = "unbalanced"
    OFF_GRID = "off_grid"
    GRID_UNKNOWN = "grid_unknown"
    STORM_MODE = "storm_mode"
    UNKNOWN_RATING = "unknown_rating"
    UNKNOWN_ENERGY = "unknown_energy"
    UNKNOWN_RESERVE = "unknown_reserve"
    AT_RESERVE = "at_reserve"


_TEXTS: Mapping[Reason, tuple[str, str]] = MappingProxyType(
    {
        Reason.OWNER_OPTED_OUT: (
            "The owner has opted out.",
            "Nothing; only the owner can opt in again.",
        ),
        Reason.OPERATOR_OPTED_OUT: (
            "An operator has taken the site out.",
            "Opt the site in again once the operator's reason is settled.",
        ),
        Reason.ACCESS_REVOKED: (
            "Tesla no longer accepts our access to the owner's account, or the site left it.",
            "Ask the owner to give the energy consent again.",
        ),
        Reason.NOT_AUTHORISED: (
            "The owner has not given the energy consent for this site; a consent for vehicles does not stand in.",
            "Send the owner through the energy consent.",
        ),
        Reason.OTHER_OPERATOR: (
            "Another operator's grid services are using the battery.",
            "Wait until they end; if they do not, ask the owner which programme the site is in.",
        ),
        Reason.PROGRAMME_EXPIRED: (
            "The record that the site is in the power plant programme has expired.",
            "Check the enrolment and record it again.",
        ),
        Reason.NOT_IN_PROGRAMME: (
            "Nothing shows an active enrolment in the power plant programme.",
            "Enrol the site in the programme, or record the enrolment as operator.",
        ),
        Reason.UTILITY_EXPIRED: (
            "The record that the site is active at the utility has expired.",
            "Check with the utility and record it again.",
        ),
        Reason.NOT_AT_UTILITY: (
            "The site is not recorded as active at the utility; enrolling with Tesla does not enrol there.",
            "Complete the utility's own enrolment, then set it as operator or import the utility's list.",
        ),
        Reason.NO_EQUIPMENT: (
            "The site's equipment and settings have not been read yet.",
            "Wait for the next reading of site_info; if none comes, see how its calls end.",
        ),
        Reason.NO_BATTERY: (
            "The site has no battery.",
            "Nothing; take the site out if it was enrolled by mistake.",
        ),
        Reason.NO_READING: (
            "No status of the site has been read yet.",
            "See how its last poll ended.",
        ),
        Reason.EMPTY_ANSWER: (
            "Tesla answered without any status; a replaced or removed gateway does this.",
            "Ask the owner whether the Powerwall was replaced, and enrol the new site.",
        ),
        Reason.NO_DEVICE_TIME: (
            "The status does not say when the device made it, so its age is unknown.",
            "Nothing if it passes; else ask Tesla about the gateway.",
        ),
        Reason.DEAD: (
            "The gateway has sent nothing new for so long that it counts as dead.",
            "Ask the owner to check the gateway's internet connection.",
        ),
        Reason.STALE: (
            "The gateway's last status is too old to count.",
            "Nothing if it passes; else ask the owner to check the gateway's internet connection.",
        ),
        Reason.UNBALANCED: (
            "Solar, battery, grid and generator do not add up to the load, so the meters cannot be trusted now.",
            "Nothing if it passes; else have the site's meters checked.",
        ),
        Reason.OFF_GRID: (
            "The home is running without the grid.",
            "Wait for the grid to return, or for the owner to reconnect.",
        ),
        Reason.GRID_UNKNOWN: (
            "The status does not say that the home is connected to the grid.",
            "Nothing if it passes; else look at the site's island_status and grid_status.",
        ),
        Reason.STORM_MODE: (
            "Storm mode keeps the battery full for the home.",
            "Wait until the storm has passed.",
        ),
        Reason.UNKNOWN_RATING: (
            "Tesla gives neither the battery's rated power nor the number of batteries.",
            "Ask the owner which batteries there are, and read site_info again.",
        ),
        Reason.UNKNOWN_ENERGY: (
            "The energy in the battery is neither reported nor computable from its charge.",
            "Nothing if it passes; else read site_info again.",
        ),
        Reason.UNKNOWN_RESERVE: (
            "The owner's backup reserve is not known, so none of the energy may be used.",
            "Read site_info again.",
        ),
        Reason.AT_RESERVE: (
            "The battery is down to the reserve that has to be kept.",
            "Wait until it is charged again.",
        ),
    }
)


def words(reason: Reason) -> str:
    """The cause as a sentence for owners and operators."""
    return _TEXTS[reason][0]


def next_step(reason: Reason) -> str:
    """What a person can do about it, as a sentence."""
    return _TEXTS[reason][1]
