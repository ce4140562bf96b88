"""Recordings after the call: one stereo file each, its row, its hash on the ledger, its end."""
