"""Tieline connector: files."""
