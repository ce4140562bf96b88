"""``python -m soak``: thousands of handoffs with real SIP phones while everything around them is being broken."""
