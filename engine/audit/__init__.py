"""The audit: what a run decides by a date must be the same, whatever comes after it."""

from __future__ import annotations

from engine.audit.auditing import Audit, Request
from engine.audit.conducting import conduct, finish
from engine.audit.record import to_plain

__all__ = ["Audit", "Request", "conduct", "finish", "to_plain"]
