"""``python -m bench``: what a handoff costs, against the floor that Asterisk itself sets, in one run."""
