from __future__ import annotations

import pytest

from alamo.prediction.learners import BUILT_IN, EffectLearner
from alamo.testing import LearnerSuite


@pytest.mark.parametrize("name", BUILT_IN)
class TestOurOwnLearners(LearnerSuite):
    @pytest.fixture
    def learner(self, name: str) -> EffectLearner:
        return BUILT_IN[name]()
