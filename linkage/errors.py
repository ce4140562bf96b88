"""Every failure of the linkage, one class each::

HotlineError
└── LinkageError
    ├── CatalogueNotFound           no such city, or no such version of its catalogue here
    ├── UnitNotFound                no such unit in the city's list
    ├── OrderNotFound
    ├── OrderChanged                somebody else changed the order meanwhile: look at it again
    └── OrderRefused                understood, and not allowed (one class per reason)
        ├── ActNotAllowed             not in this state
        ├── FirstActionMissing        returned before anything was done for the caller (首接责任制)
        ├── RefusalNotAllowed         the centre has named the unit
        ├── ReasonMissing
        ├── UnitMissing
        ├── FeedbackMissing           closed without saying what came of it
        ├── ExtensionNotLater
        └── RatingOutOfRange
"""

from __future__ import annotations

from telephony.errors import HotlineError


class LinkageError(HotlineError):
    slug = "linkage-error"


class CatalogueNotFound(LinkageError):
    slug = "catalogue-not-found"


class UnitNotFound(LinkageError):
    slug = "unit-not-found"


class OrderNotFound(LinkageError):
    slug = "order-not-found"


class OrderChanged(LinkageError):
    slug = "order-changed"


class OrderRefused(LinkageError):
    slug = "order-refused"


class ActNotAllowed(OrderRefused):
    slug = "order-act-not-allowed"


class FirstActionMissing(OrderRefused):
    slug = "order-first-action-missing"


class RefusalNotAllowed(OrderRefused):
    slug = "order-refusal-not-allowed"


class ReasonMissing(OrderRefused):
    slug = "order-reason-missing"


class UnitMissing(OrderRefused):
    slug = "order-unit-missing"


class FeedbackMissing(OrderRefused):
    slug = "order-feedback-missing"


class ExtensionNotLater(OrderRefused):
    slug = "order-extension-not-later"


class RatingOutOfRange(OrderRefused):
    slug = "order-rating-out-of-range"
