"""``actions/NAME.toml`` → `alamo.domain.action.Action`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec

from alamo.config.reading import Amount, Faults, Source, Text, decode, read_toml
from alamo.config.settings import moment
from alamo.domain.action import LEVELS, NO_ACTION, Action, MessageClass, Passage

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_ID_HINT = "Use letters, digits, '-' and '_', beginning with a letter or digit; 'none' is taken: it means no action."


class _ActionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    channel: str
    level: str
    name: Text | None = None
    cost: Amount = 0.0
    eligible: str = ""
    valid_from: Any = None
    valid_until: Any = None
    content: dict[str, Any] = {}
    message_class: str = msgspec.field(default="marketing", name="class")
    passes: list[str] = []
    control: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0


def load_action(path: Path) -> Action:
    """Read and check one action.

    Raises
    ------
    ConfigError
        Naming the file and the key.
    """
    source = Source(path)
    table = decode(read_toml(path), _ActionTable, source)
    for key, value in (("id", table.id), ("channel", table.channel)):
        if not _ID.fullmatch(value) or value == NO_ACTION:
            raise source.error(key, f"{value!r} cannot be an identifier", hint=_ID_HINT, code="config.bad_id")
    valid_from, valid_until = (
        None if value is None else moment(source, key, value)
        for key, value in (("valid_from", table.valid_from), ("valid_until", table.valid_until))
    )
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        raise source.error("valid_until", "must be after valid_from (it is the first moment the action is over)")
    return Action(
        id=table.id,
        name=table.name or table.id,
        channel=table.channel,
        level=source.known("level", table.level, LEVELS, "level"),
        cost_money=table.cost,
        eligible=table.eligible.strip(),
        valid_from=valid_from,
        valid_until=valid_until,
        content=table.content,
        message_class=_message_class(source, table),
        passes=_passes(source, table),
        control_share=_control(source, table),
    )


def _control(source: Source, table: _ActionTable) -> float:
    if table.control and table.message_class != "marketing":
        raise source.error("control", "nobody is held out of a service message: leave it out, or make it marketing")
    return table.control


def _message_class(source: Source, table: _ActionTable) -> MessageClass:
    source.known("class", table.message_class, get_args(MessageClass), "class")
    return next(known for known in get_args(MessageClass) if known == table.message_class)


def _passes(source: Source, table: _ActionTable) -> tuple[Passage, ...]:
    for name in table.passes:
        source.known("passes", name, get_args(Passage), "part of the contact policy")
    if table.passes and table.message_class == "marketing":
        raise source.error(
            "passes",
            "only a transactional action passes anything",
            hint='Leave it out, or say class = "transactional" if it really is a service message.',
        )
    return tuple(known for known in get_args(Passage) if known in table.passes)


def load_actions(folder: Path) -> tuple[Action, ...]:
    """Read every action of a project, ordered by id.

    Raises
    ------
    ConfigError
        Naming the file and the key; on an id used twice, both files. Further complaints stand in its details.
    """
    faults = Faults()
    found = [(path, faults.of(partial(load_action, path))) for path in sorted(folder.glob("*.toml"))]
    read = [(path, action) for path, action in found if action is not None]
    faults.of(partial(_refuse_twice, read))
    faults.check()
    return tuple(sorted((action for _, action in read), key=lambda action: action.id))


def _refuse_twice(read: Sequence[tuple[Path, Action]]) -> None:
    seen: dict[str, Path] = {}
    for path, action in read:
        if action.id in seen:
            raise Source(path).error(
                "id",
                f"{action.id!r} is already the id of {seen[action.id]}",
                hint="Give one of the two another id.",
                code="config.duplicate_id",
            )
        seen[action.id] = path
