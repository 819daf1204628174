"""Harvest's HTTP API: endpoints, lists, filters, permissions, reports."""
