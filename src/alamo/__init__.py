"""Alamo: a closed-loop marketing decision engine."""
