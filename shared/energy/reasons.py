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


_TO_OPERATORS: Mapping[Reason, tuple[str, str]] = MappingProxyType(
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


_TO_OWNERS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.OWNER_OPTED_OUT: "You have opted out.",
        Reason.OPERATOR_OPTED_OUT: "The operator has taken the site out.",
        Reason.ACCESS_REVOKED: "Tesla no longer accepts our access to your account, or the site left it.",
        Reason.NOT_AUTHORISED: (
            "You have not given the energy consent for this site; a consent for vehicles does not stand in."
        ),
        Reason.OFF_GRID: "Your home is running without the grid.",
        Reason.GRID_UNKNOWN: "The status does not say that your home is connected to the grid.",
        Reason.STORM_MODE: "Storm mode keeps the battery full for your home.",
        Reason.UNKNOWN_RESERVE: "Your backup reserve is not known, so none of the energy may be used.",
    }
)
"""Where the site's owner is told otherwise."""
_OWNERS_STEPS: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.OWNER_OPTED_OUT: "Opt the site in again if it is to take part.",
        Reason.OPERATOR_OPTED_OUT: "Ask the operator why; once that is settled, opt the site in again.",
        Reason.ACCESS_REVOKED: "Give the energy consent again.",
        Reason.NOT_AUTHORISED: "Give the energy consent.",
        Reason.OTHER_OPERATOR: "Wait until they end, or leave the other programme in the Tesla app.",
        Reason.PROGRAMME_EXPIRED: "Ask the operator to check your enrolment in the programme.",
        Reason.NOT_IN_PROGRAMME: (
            "Enrol the site in the programme in the Tesla app, or tell the operator if you have done so."
        ),
        Reason.UTILITY_EXPIRED: "Ask the operator to check your enrolment with the utility.",
        Reason.NOT_AT_UTILITY: "Complete the utility's own enrolment; the operator hears of it from the utility.",
        Reason.NO_EQUIPMENT: "Wait for the next reading; if none comes, tell the operator.",
        Reason.NO_BATTERY: "Nothing; withdraw the site if it was enrolled by mistake.",
        Reason.NO_READING: "Wait for the next reading; if none comes, tell the operator.",
        Reason.EMPTY_ANSWER: "If your Powerwall was replaced, enrol the new site.",
        Reason.NO_DEVICE_TIME: "Nothing if it passes; else tell the operator.",
        Reason.DEAD: "Check the gateway's internet connection.",
        Reason.STALE: "Nothing if it passes; else check the gateway's internet connection.",
        Reason.UNBALANCED: "Nothing if it passes; else have your installer check the meters.",
        Reason.OFF_GRID: "Wait for the grid to return, or reconnect in the Tesla app if you went off grid yourself.",
        Reason.GRID_UNKNOWN: "Nothing if it passes; else tell the operator.",
        Reason.UNKNOWN_RATING: "Tell the operator which batteries there are.",
        Reason.UNKNOWN_ENERGY: "Nothing if it passes; else tell the operator.",
        Reason.UNKNOWN_RESERVE: "Wait for the next reading; if none comes, tell the operator.",
    }
)
"""What the owner can do, where that is something else."""


def words(reason: Reason, *, to_owner: bool = False) -> str:
    """The cause as a sentence, for operators unless it is the site's owner who reads it."""
    said = _TO_OPERATORS[reason][0]
    return _TO_OWNERS.get(reason, said) if to_owner else said


def next_step(reason: Reason, *, to_owner: bool = False) -> str:
    """What the reader can do about it, as a sentence; operators are told what they can have owners do."""
    said = _TO_OPERATORS[reason][1]
    return _OWNERS_STEPS.get(reason, said) if to_owner else said
