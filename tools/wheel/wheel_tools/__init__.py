"""Reads, overlays and checks wheels without unpacking them."""
