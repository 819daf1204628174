"""Generate believable companies: people, clients, projects, timesheets, invoices."""
