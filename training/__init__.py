"""Contrasts and corpus -> labelled examples -> fit -> calibrate -> evaluate -> artifact, metrics and model card."""
