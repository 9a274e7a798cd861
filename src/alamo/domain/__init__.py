"""The foundation: words, table contracts, ports and errors that every room shares.

Not here: behaviour. No I/O, no statistics, no SQL; nothing but `alamo.numerics` may be imported from below.
"""
