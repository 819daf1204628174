"""Commands for whoever asks the warehouse, agents and notebooks, and for the secrets that they should not see."""
