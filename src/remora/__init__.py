"""Remora: a self-hosted points service for chat audiences."""

__version__ = "0.1.0"
