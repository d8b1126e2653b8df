"""Tieline connector: salesforce."""
