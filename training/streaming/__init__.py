"""Sessions that stream: a student steered chunk by chunk, and what any streaming model offers."""
