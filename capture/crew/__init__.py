"""Many tours at once: Ray workers and the driver that never loses one."""
