"""Conformance suites for stores and channels, for plugin authors and for our own: subclass one and give its fixture.

Not here: fixtures with opinions or fake adapters. The suites state what every implementation must do; they import
pytest, so nothing but tests imports this room.

::

    class TestMyChannel(ChannelSuite):
        @pytest.fixture
        def channel(self, tmp_path):
            return MyChannel(tmp_path)

        @pytest.fixture
        def outbox(self, channel):
            return lambda: channel.ids_that_went_out()
"""

from alamo.testing.channel import ChannelSuite
from alamo.testing.history import HistorySuite
from alamo.testing.samples import sample_rows
from alamo.testing.shelf import ShelfSuite
from alamo.testing.state import StateSuite

__all__ = ["ChannelSuite", "HistorySuite", "ShelfSuite", "StateSuite", "sample_rows"]
