"""Sites that one event takes from another."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from shared.energy.dispatch.book import Book
from shared.energy.dispatch.merging import ShardPlan
from shared.energy.dispatch.model import Dispatch
from shared.energy.dispatch.schedule import Schedule
from shared.platform.errors import NotFound


def take_over(book: Book, schedule: Schedule, winner: Dispatch) -> None:
    """Have weaker events let go of the sites that this one took; doing it again changes nothing."""
    for shard in winner.shards:
        plan = book.plan(winner.signal.id, shard)
        taken: dict[str, list[str]] = defaultdict(list)
        for site, (commitment, _, _) in (plan.sites(renewed=winner.plan.renewed) if plan else {}).items():
            taken[commitment.waits_for].append(site)
        for loser, sites in taken.items():
            if loser:
                # A loser without a plan here has the site in a shard that the site has left since, and lets go.
                with suppress(NotFound):
                    book.change_plan(loser, shard, partial(_released, sites=sites, winner=winner.signal.id))
                schedule.send(loser, shard=shard)


def _released(plan: ShardPlan, sites: list[str], winner: str) -> ShardPlan:
    return replace(plan, release={**dict.fromkeys(sites, f"outranked_by {winner}"), **plan.release})
