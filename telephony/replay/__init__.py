"""What a recorded stream of Asterisk's manager events says, whatever dialplan it came from. Pure.

``lines.read`` → ``report.report``. Unlike ``telephony.tracker``, which follows our own dialplan while it happens, this
looks at a whole recording at once: what comes later may decide what came before.
"""
