"""What no customer changes is asked once; what a customer changes is asked again."""

from __future__ import annotations

import pyarrow as pa
import pytest

from alamo.domain.errors import UsageError
from alamo.spark.answers import Answering, Listening
from alamo.store import MemoryHistory

COUNT = "SELECT count(*) AS n FROM events WHERE kind = $kind"
SUM = "SELECT CAST(sum(a) AS BIGINT) AS n FROM some_rows"
FEW, OTHERS = ({"some_rows": pa.table({"a": [1, second]})} for second in (2, 3))
CUSTOMERS = {"some_rows": pa.table({"a": range(10_001)})}


def test_statements_about_the_history_alone_are_answered_without_it():
    listening = Listening(MemoryHistory())
    asked = listening.query(COUNT, {"kind": "sent"})
    assert listening.query(SUM, None, FEW)["n"][0].as_py() == 3
    listening.query(SUM, None, CUSTOMERS)
    assert len(listening.answers) == 2
    answering = Answering(listening.answers, Refusing())
    assert answering.query(COUNT, {"kind": "sent"}).equals(asked)
    assert answering.query(SUM, None, FEW)["n"][0].as_py() == 3
    for other in ((COUNT, {"kind": "opened"}), ("SELECT 1", None), (SUM, None, OTHERS), (SUM, None, CUSTOMERS)):
        with pytest.raises(UsageError):
            answering.query(*other)


class Refusing:
    """A warehouse that nobody may ask."""

    def query(self, sql, parameters=None, relations=None):
        raise UsageError(f"asked: {sql}")
