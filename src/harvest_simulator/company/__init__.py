"""Generate realistic companies: people, clients, projects, timesheets, invoices."""
