"""Having an engine: how it is started and spoken to."""
