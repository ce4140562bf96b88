"""``nuisance`` in ``hotline.yaml``: who counts as a repeat caller, who as a silent one."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from limits import parse
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from api.settings_reports import Part
from telephony.nuisance import NuisanceRules, Often


def _rate(text: str) -> str:
    try:
        parse(text)
    except ValueError:
        raise PydanticCustomError("rate", "须如 5/10 minutes · must be like 5/10 minutes") from None
    return text


Rate = Annotated[str, AfterValidator(_rate)]


class NuisanceSettings(Part):
    """``repeat_calls``, ``silent_calls``: who calls more often is one, such as `5/10 minutes`; null: not counted.

    ``silent_within_seconds``: a call that is over so soon after a human's answer was a silent one.
    """

    repeat_calls: Rate | None = None
    silent_calls: Rate | None = None
    silent_within_seconds: Annotated[float, Field(gt=0, le=60)] = 8.0

    @property
    def rules(self) -> NuisanceRules:
        silent_within = timedelta(seconds=self.silent_within_seconds)
        return NuisanceRules(_often(self.repeat_calls), _often(self.silent_calls), silent_within)


def _often(rate: str | None) -> Often | None:
    if rate is None:
        return None
    limit = parse(rate)
    return Often(limit.amount, timedelta(seconds=limit.get_expiry()))
