"""Which product a customer buys next, and who is ready to buy one: from orders alone, never looking ahead.

Not here: what a message changes. Who buys by themselves is not who buys because of an offer.
"""

from alamo.prediction.next_product.analysis import NextProductResult, analyze_next_product, readiness_table
from alamo.prediction.next_product.spec import NextProductSpec

__all__ = ["NextProductResult", "NextProductSpec", "analyze_next_product", "readiness_table"]
