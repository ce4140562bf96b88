"""What a caller hears before a human answers: short, optional, and never able to hold anybody."""
