"""Expected load: how many messages of a plan its channels get hour by hour, if it is launched at a given moment.

Counts are those of the plan's draw, which is what a launch hands over. Each message goes out at the first moment
outside the quiet hours of its customer; where a sending tool takes only so many an hour, what does not fit waits for
the next hour in which its customer may be written to, first come first.

Not supported: permissions and caps that change until the launch, which only take messages away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.action import QuietHours
from alamo.domain.errors import UsageError
from alamo.domain.records import PlanRecord
from alamo.domain.time import iso, utc
from alamo.engine.context import Context
from alamo.engine.gate import decisions_of, sending
from alamo.engine.proposals import proposal_named
from alamo.engine.quiet_hours import quiet_for, zones_of
from alamo.steering.quiet_hours import earliest_send

_HOUR, _YEAR = timedelta(hours=1), timedelta(days=366)
_MOST_HOURS = 24 * 92
"""Hours looked ahead; a sending tool that takes longer for one plan is a mistake of whoever gave its figure."""


@dataclass(frozen=True, slots=True)
class Load:
    """Messages by hour and channel; `at` is the launch, `hours` rows of (start of the hour in UTC, channel, messages).

    What has not gone out when the look ahead ends stands in `waiting`, by channel.
    """

    plan_id: str
    at: datetime
    hours: tuple[tuple[datetime, str, int], ...]
    waiting: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the load as it stands in ``--json``."""
        rows = [{"hour": iso(hour), "channel": channel, "messages": n} for hour, channel, n in self.hours]
        return {
            "schema": "alamo.plan.load/1",
            "plan": self.plan_id,
            "at": iso(self.at),
            "rows": rows,
            "channels": [self._channel(name) for name in sorted({channel for _, channel, _ in self.hours})],
            "waiting": dict(self.waiting),
        }

    def _channel(self, name: str) -> dict[str, Any]:
        mine = [(hour, n) for hour, channel, n in self.hours if channel == name]
        peak = max(mine, key=lambda found: found[1])
        return {
            "channel": name,
            "messages": sum(n for _, n in mine),
            "first_hour": iso(mine[0][0]),
            "last_hour": iso(mine[-1][0]),
            "peak": peak[1],
            "peak_hour": iso(peak[0]),
        }


@dataclass(frozen=True, slots=True)
class _Group:
    """Messages that may go out at the same moments: one channel, one time zone, the same quiet hours."""

    channel: str
    zone: str
    quiet: QuietHours | None


def expected_load(
    context: Context, plan_id: str | None, *, at: datetime | None = None, per_hour: Mapping[str, int] | None = None
) -> Load:
    """Return the load of a plan, by default the newest, if it is launched `at` (default: now, or when it was).

    Parameters
    ----------
    per_hour
        Most messages that a channel sends on within an hour; channels that are not named send at once.

    Raises
    ------
    StateError
        As `alamo.engine.proposals.proposal_named`.
    UsageError
        If a channel of `per_hour` is none of the plan's, or its figure is below 1, or `at` is more than a year from the
        day the plan was made.
    """
    plan = proposal_named(context, plan_id)
    start = utc(at or plan.launched_at or context.clock.now())
    if abs(start - plan.created_at) > _YEAR:
        raise UsageError(
            f"plan {plan.plan_id} was made on {iso(plan.created_at)}; nobody launches it on {iso(start)}",
            hint=f"Give a moment before it expires, on {iso(plan.valid_until)}: --at {plan.created_at.date()}T19:00",
            code="plan.load_moment",
            details={"plan": plan.plan_id, "at": iso(start)},
        )
    groups = _groups(context, plan)
    channels = {group.channel for group in groups}
    most = dict(per_hour or {})
    _check(most, channels)
    zone = context.settings.time_zone
    hours: list[tuple[datetime, str, int]] = []
    waiting = {}
    for channel in sorted(channels):
        mine = {group: n for group, n in groups.items() if group.channel == channel}
        found, left = hourly(mine, zone, start, most.get(channel))
        hours += [(hour, channel, n) for hour, n in found.items()]
        if left:
            waiting[channel] = left
    return Load(plan.plan_id, start, tuple(sorted(hours)), waiting)


def hourly(
    groups: Mapping[_Group, int], default_zone: str, start: datetime, most: int | None
) -> tuple[dict[datetime, int], int]:
    """Return start of the hour → messages of one channel that go out in it, and how many have not at the end.

    A group goes out in the first hour in which it may be written to, and in the hours after as far as `most` allows.
    """
    left = dict(groups)
    found: dict[datetime, int] = {}
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for _ in range(_MOST_HOURS):
        if not left:
            break
        room = most
        opens = {group: _opens(group, default_zone, max(hour, start)) for group in left}
        for group in sorted(left, key=lambda one: (opens[one], one.zone)):
            if opens[group] >= hour + _HOUR or room == 0:
                continue
            sent = left[group] if room is None else min(left[group], room)
            room = None if room is None else room - sent
            found[hour] = found.get(hour, 0) + sent
            left[group] -= sent
        left = {group: n for group, n in left.items() if n}
        hour += _HOUR
    return found, sum(left.values())


def _opens(group: _Group, default_zone: str, moment: datetime) -> datetime:
    zones = pa.chunked_array([pa.array([group.zone], pa.string())])
    found: datetime = earliest_send(zones, group.quiet, default_zone, moment)[0].as_py()
    return found


def _groups(context: Context, plan: PlanRecord) -> dict[_Group, int]:
    """Return how many messages of a plan may go out at the same moments."""
    policy = context.shelf.get(plan.policy_version)
    decisions = decisions_of(context, plan)
    counts: defaultdict[_Group, int] = defaultdict(int)
    for action_id in sending(decisions):
        noted = policy.actions[action_id]
        mine = decisions.filter(pc.equal(decisions["action_id"], action_id)).select(["customer_id"])
        zones = pc.fill_null(zones_of(context, mine), context.settings.time_zone)
        for entry in pc.value_counts(zones).to_pylist():
            group = _Group(noted["channel"], entry["values"], quiet_for(context, noted))
            counts[group] += entry["counts"]
    return dict(counts)


def _check(most: Mapping[str, int], channels: set[str]) -> None:
    for channel, figure in most.items():
        if channel not in channels:
            raise UsageError(
                f"the plan sends nothing through {channel!r}",
                hint=f"Its channels: {', '.join(sorted(channels)) or 'none'}. For instance: --per-hour "
                f"{min(channels, default='email')}=5000",
                code="plan.load_channel",
                details={"given": channel, "channels": sorted(channels)},
            )
        if figure < 1:
            raise UsageError(
                f"{channel!r} sends {figure} messages an hour, so nothing would ever go out",
                hint=f"Give a number from 1 on: --per-hour {channel}=5000",
                code="plan.load_figure",
                details={"channel": channel, "per_hour": figure},
            )
