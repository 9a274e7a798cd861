"""Policy snapshots as immutable JSON files, each named by the hash of its content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alamo.domain.errors import StoreError
from alamo.domain.policy import BlockState, CapCharge, CounterTerms, LimitRow, PolicySnapshot, RuleSettings
from alamo.store.durable import write_durably

_VERSION = re.compile(r"[0-9a-f]{64}")


class FilePolicyShelf:
    """Implements `alamo.domain.ports.PolicyShelf` with one file a snapshot.

    Parameters
    ----------
    folder
        Where the files are; made at the first `put`.
    """

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)

    def put(self, policy: PolicySnapshot) -> str:
        """Store a snapshot durably and return its version (content hash)."""
        version = policy.version
        path = self._path(version)
        if not path.exists():
            text = json.dumps(policy_to_dict(policy), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
            write_durably(path, text.encode())
        return version

    def get(self, version: str) -> PolicySnapshot:
        """Return a snapshot.

        Raises
        ------
        StoreError
            If it is missing or its content does not match its hash.
        """
        path = self._path(version)
        try:
            policy = policy_from_dict(json.loads(path.read_bytes()))
        except FileNotFoundError:
            raise missing_snapshot(version, f"in {self._folder}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(path, f"cannot be read: {error}") from error
        if policy.version != version:
            raise _damaged(path, "does not match its hash")
        return policy

    def _path(self, version: str) -> Path:
        if not _VERSION.fullmatch(version):
            raise missing_snapshot(version, f"in {self._folder}")
        return self._folder / f"{version}.json"


def policy_to_dict(policy: PolicySnapshot) -> dict[str, Any]:
    """Return `policy` as JSON-compatible values."""
    return asdict(policy)


def policy_from_dict(values: Mapping[str, Any]) -> PolicySnapshot:
    """Return the snapshot that `policy_to_dict` made `values` of; its version is the same."""
    rows = tuple(
        LimitRow(
            **row | {key: tuple(row.get(key, ())) for key in ("action_ids", "of_action_ids")}  # the whole came later
        )
        for row in values["rows"]
    )
    blocks = tuple(
        BlockState(block["block"], tuple(block["prices"]), tuple(block["remaining"])) for block in values["blocks"]
    )
    return PolicySnapshot(
        **{
            **values,
            "action_ids": tuple(values["action_ids"]),
            "rows": rows,
            "rule": RuleSettings(**{**values["rule"], "floor_weights": tuple(values["rule"].get("floor_weights", ()))}),
            "blocks": blocks,
            "displacement": tuple(CapCharge.from_dict(one) for one in values.get("displacement", ())),
            "counter": _counter(values.get("counter")),
        }
    )


def _counter(values: Mapping[str, Any] | None) -> CounterTerms | None:
    if values is None:
        return None
    tuples = {
        name: tuple(tuple(row) if isinstance(row, list) else row for row in value)
        for name, value in values.items()
        if isinstance(value, list)
    }
    return CounterTerms(**{**values, **tuples})


def missing_snapshot(version: str, where: str) -> StoreError:
    """Return the error for a snapshot that is not on the shelf."""
    return StoreError(
        f"there is no policy snapshot {version!r} {where}",
        hint="Was the folder .alamo/policy removed? See what is missing with: alamo doctor",
        code="store.policy_missing",
        details={"version": version},
    )


def _damaged(path: Path, complaint: str) -> StoreError:
    return StoreError(
        f"the policy snapshot {path} {complaint}",
        hint="Restore it from a backup; decisions made with it cannot be replayed until then. See: alamo doctor",
        code="store.policy_damaged",
        details={"path": str(path)},
    )
