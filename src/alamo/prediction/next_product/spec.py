"""What is asked of a table of orders."""

from __future__ import annotations

from dataclasses import dataclass

from alamo.domain.errors import UsageError


@dataclass(frozen=True, slots=True)
class NextProductSpec:
    """Which columns say who bought what when, and how far ahead to look.

    Attributes
    ----------
    customer, time, product
        Columns; `product` may hold products or categories.
    within_days
        Length of the time ahead, in days.
    top
        Products listed per customer.
    seed
        Of the draw of customers to learn from.
    """

    customer: str
    time: str
    product: str
    within_days: float = 28.0
    top: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.within_days < 10_000.0 or not 1 <= self.top <= 50:
            raise UsageError(
                f"{self.within_days:g} days ahead and {self.top} products a customer cannot be used",
                hint="Look ahead by more than 0 days, and list 1 to 50 products: --within 28 --top 5",
                code="next_product.bad_spec",
                details={"within_days": self.within_days, "top": self.top},
            )
