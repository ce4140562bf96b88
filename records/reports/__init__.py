"""Reports of a period: what was counted, from which rows, and how it is laid out for people."""
