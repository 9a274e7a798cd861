"""The command line: words of a person in, one call of the library, words for a person out.

Not here: decisions, statistics or storage. A command parses its options, calls one method of `alamo.project` or one
function of `alamo.engine.analyze`, and shows the dictionary that comes back; all wording and formatting is in
`alamo.cli.output` and `alamo.cli.views`.
"""
