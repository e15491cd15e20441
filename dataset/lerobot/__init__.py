"""The shards' footage in the layout of LeRobot's datasets, version 3.0."""
