"""The engine room: one use case per file; each reads, calls a room, checks the contract at the door, and writes.

Read `alamo.engine.loop` first: it is one turn of the loop. Not here: statistics, SQL, files, wall clocks or the words
people read. The rooms never import each other; what passes between them passes through here, as tables.
"""
