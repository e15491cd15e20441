"""The memory exam: whether a streaming model shows a place again as it showed it before."""
