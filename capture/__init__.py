"""Plans camera tours and drives engines over UnrealCV to record them as clips."""
