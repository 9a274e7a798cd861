"""Channels carry deliveries out, idempotent by batch id.

Not here: who receives what, consent, or retries; a channel delivers the batch it is handed, once.
"""

from alamo.connectors.channels.audience_file import AudienceFileChannel

__all__ = ["AudienceFileChannel"]
