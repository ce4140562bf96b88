"""Our records against Asterisk's own (CEL), one handoff at a time, without the code that makes the records. Pure."""

from telephony.reconcile.compare import Difference, Why, differences, holds_a_number
from telephony.reconcile.rebuild import Rebuilt, rebuild

__all__ = ["Difference", "Rebuilt", "Why", "differences", "holds_a_number", "rebuild"]
