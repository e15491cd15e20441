"""The student's long memory: what it keeps, in what form, and what that costs."""
