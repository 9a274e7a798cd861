"""Spark: carries scores and the rule over partitions of the customers; a scale-out path, not a speed-up.

Not here: any rule, price, model or eligibility of its own. Workers run the functions of `alamo.steering`,
`alamo.prediction` and `alamo.engine` on their part of the customers, in whose order everything is defined; what they
return equals what one process returns, bit for bit.
"""

from alamo.spark.carrier import SparkCarrier
from alamo.spark.session import lacking, open_session
from alamo.spark.source import SparkCells

__all__ = ["SparkCarrier", "SparkCells", "lacking", "open_session"]
