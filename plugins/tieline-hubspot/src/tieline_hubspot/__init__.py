"""Tieline connector: hubspot."""
