"""What goes with the call: acceptance catalogues, advice, orders, deadlines."""
