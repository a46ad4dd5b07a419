"""Words that everybody knows: panel, universe, kinds, errors.

A shelf, not a room: its modules are imported one by one, so that the command line answers before
pandas is there.
"""
