"""Self-contained pages with pictures: plain strings of HTML and SVG, no script, nothing fetched.

Not here: numbers that the ``--json`` object does not hold.
"""
