"""Invented companies: people, clients, projects, timesheets, invoices."""
