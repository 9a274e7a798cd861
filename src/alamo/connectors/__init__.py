"""The gates: sources let tables in, channels carry messages out.

Not here: what rows mean (measurement) or who is contacted (steering). A connector knows one outside format and nothing
of the loop.
"""
