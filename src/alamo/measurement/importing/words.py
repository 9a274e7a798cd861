"""Words that files use for the same thing: yes and no, states of consent, of a suppression and of a delivery."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from alamo.domain.event import EventKind
from alamo.measurement.importing.rows import Inspection, flags

TRUE = ("true", "yes", "y", "1", "t", "on", "ja", "j", "wahr")
FALSE = ("false", "no", "n", "0", "f", "off", "nein", "falsch")

CONSENT_WORDS: dict[str, str] = {
    **dict.fromkeys(
        (*TRUE, "granted", "grant", "subscribed", "opt-in", "optin", "opted in", "consent_granted"),
        EventKind.CONSENT_GRANTED.value,
    ),
    **dict.fromkeys(
        (*FALSE, "withdrawn", "withdraw", "unsubscribed", "opt-out", "optout", "opted out", "consent_withdrawn"),
        EventKind.CONSENT_WITHDRAWN.value,
    ),
}
SUPPRESSION_WORDS: dict[str, str] = {
    **dict.fromkeys((*TRUE, "suppressed", "suppress", "blocked"), EventKind.SUPPRESSED.value),
    **dict.fromkeys((*FALSE, "unsuppressed", "released"), EventKind.UNSUPPRESSED.value),
    **dict.fromkeys(("bounced", "bounce", "hard bounce", "hard_bounce"), EventKind.BOUNCED.value),
    **dict.fromkeys(("complained", "complaint", "spam", "spam complaint"), EventKind.COMPLAINED.value),
}
DELIVERY_WORDS: dict[str, str] = {
    **dict.fromkeys(("sent", "send", "delivered", "delivery"), EventKind.SENT.value),
    **dict.fromkeys(("opened", "open"), EventKind.OPENED.value),
    **dict.fromkeys(("clicked", "click"), EventKind.CLICKED.value),
    **{word: kind for word, kind in SUPPRESSION_WORDS.items() if kind in {"bounced", "complained"}},
    **dict.fromkeys(("unsubscribed", "unsubscribe"), EventKind.CONSENT_WITHDRAWN.value),
}


def translate(given: pa.Array, words: Mapping[str, str], field: str, inspection: Inspection) -> pa.Array:
    """Return the event kind each word means; rows with a word that is not known are quarantined."""
    at = pc.index_in(pc.utf8_lower(given), value_set=pa.array(list(words)))
    means = ", ".join(dict.fromkeys(words.values()))
    inspection.reject(flags(pc.is_null(given)), field, "is empty")
    inspection.reject(flags(pc.is_null(at)), field, f"is not a word for {means}", given)
    return pa.array(list(words.values())).take(at)
