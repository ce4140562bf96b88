"""Whose commands Asterisk carries out: those of the service process that started last, over its newest link."""

from __future__ import annotations

from telephony.errors import NodeTaken


class Fence:
    """The fencing number of this process. It starts as seconds since 1970: who starts later has the higher one.

    Every command that moves somebody carries it, and Asterisk carries out none with a number below the one it was
    given last (``NODE_FENCE`` in asterisk-config/extensions.conf.j2). Each new link takes a higher one: a command that
    was still on its way over the lost link is not carried out any more, so that a snapshot says what came of it.
    """

    def __init__(self, started_at: float) -> None:
        self.number = int(started_at)
        self._held = False

    def take(self, current: int) -> int:
        """The number to give to Asterisk, which holds ``current`` (0: none).

        The first time we win in any case, also against a clock that was ahead of ours. Raises NodeTaken when another
        process has come after us.
        """
        if self._held:
            self.heard(current)
        self.number = max(self.number, current) + 1
        self._held = True
        return self.number

    def heard(self, number: int) -> None:
        """Raises NodeTaken when this number, which Asterisk holds or somebody has announced, is above ours."""
        if number > self.number:
            raise NodeTaken(f"another service process commands this Asterisk: it holds {number}, not {self.number}")
