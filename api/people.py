"""The people of a fresh installation: one of each kind, with generated passwords, so that somebody can sign in."""

from __future__ import annotations

from collections.abc import Mapping

from records.accounts import Accounts, Role, User, UserExists
from telephony.lines import Directory

FIRST_PEOPLE = (
    User("admin", "系统管理员", Role.ADMIN),
    User("supervisor", "班长", Role.SUPERVISOR),
    User("auditor", "督办", Role.AUDITOR),
    User("operator", "坐席员", Role.SEAT),
)


async def add_first_people(accounts: Accounts, passwords: Mapping[str, str], directory: Directory) -> None:
    """Only where nobody is known yet. The operator may sit at every seat. Raises RecordStoreUnavailable."""
    if await accounts.users():
        return
    every_seat = tuple(seat.id for seat in directory.seats)
    for person in FIRST_PEOPLE:
        seats = every_seat if person.role is Role.SEAT else ()
        try:
            await accounts.add_user(User(person.id, person.name, person.role, seats), passwords[person.id])
        except UserExists:
            continue  # another node was faster
