"""Pure mathematics shared by the rooms: hashing, folds, intervals, shrinkage, optimisers.

Not here: words of marketing, tables, I/O. Functions take and return NumPy arrays and numbers.
"""
