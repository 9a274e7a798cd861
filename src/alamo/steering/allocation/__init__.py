"""Allocation: prices for limits shared by many customers, and a plan that keeps every limit, with a certificate.

Not here: the draw (`alamo.steering.rule`), and what is eligible or worth how much. Everything is deterministic.
"""
