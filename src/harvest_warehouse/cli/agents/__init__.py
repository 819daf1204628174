"""Commands for AI agents: the semantic model, the MCP server, and setting agents up."""
