"""Tariffs in Tesla's shape (``tariff_content_v2``): checked before they are sent, read, compared and made.

A tariff is the JSON object itself: it is written to Tesla as it came, and what it says is read through `schedule`.
Days of the week count from Monday = 0, hours are the site's own wall clock, prices are currency units per kWh.
"""
