"""Views: pure functions from the dictionary of ``--json`` to what a person reads on the terminal.

Not here: computing anything that the dictionary does not hold.
"""
