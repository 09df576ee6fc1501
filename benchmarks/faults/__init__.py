"""Faults that are too slow or too odd for the test-suite."""
