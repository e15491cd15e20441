"""Measurements: ratios against named peers of the same run, kept as JSON in `benchmarks/results`.

    python -m benchmarks.capture        # or: make bench, which runs them all

Run them on an otherwise idle machine.
"""
