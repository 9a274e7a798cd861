"""Conformance suites for stores, channels, learners, for plugin authors and our own: subclass one, give its fixture.

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
from alamo.testing.learner import EffectSample, LearnerSuite, effect_sample
from alamo.testing.samples import sample_rows
from alamo.testing.shelf import ShelfSuite
from alamo.testing.state import StateSuite

__all__ = [
    "ChannelSuite",
    "EffectSample",
    "HistorySuite",
    "LearnerSuite",
    "ShelfSuite",
    "StateSuite",
    "effect_sample",
    "sample_rows",
]
