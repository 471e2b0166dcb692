"""Routes of the `energy` function: owners' enrolments, the operator's view of the fleet, settings and tariffs."""
