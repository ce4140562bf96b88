"""Real calls through a real instance: the stage they run on, the scenes, and the report."""
