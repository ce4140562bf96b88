"""All stories by name. A story's place in the list is the number of its pair of lines."""

from tests.chaos import conferences, ladders, transfers

STORIES = {
    **{f"transfer: {name}": story for name, story in transfers.STORIES.items()},
    **{f"ladder: {name}": story for name, story in ladders.STORIES.items()},
    **{f"three-way: {name}": story for name, story in conferences.STORIES.items()},
}
QUEUE_SECONDS = {"transfer: told of the call-back": 2, "ladder: down the whole ladder": 7}
"""How long the first line's queue keeps the caller, where a story needs it to be short."""
