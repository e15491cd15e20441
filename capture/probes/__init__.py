"""What a running engine can be relied on for: measured one property at a time."""
