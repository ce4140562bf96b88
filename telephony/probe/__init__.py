"""The probe: a synthetic call to a line's test number, and what it shows. ``caller`` alone knows pyVoIP."""
