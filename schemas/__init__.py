"""Contracts of the tables that a run writes, a table or a family a file; `tables` has them all."""
