"""The paper's evaluation: quality, camera paths and control of any model that streams."""
