"""Harvest's API over HTTP: endpoints, lists, filters, permissions, reports."""
