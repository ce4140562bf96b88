"""Every failure of the linkage, one class each::

HotlineError
└── LinkageError
    └── CatalogueNotFound           no such city, or no such version of its catalogue here
"""

from __future__ import annotations

from telephony.errors import HotlineError


class LinkageError(HotlineError):
    slug = "linkage-error"


class CatalogueNotFound(LinkageError):
    slug = "catalogue-not-found"
