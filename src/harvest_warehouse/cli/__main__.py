"""`python -m harvest_warehouse.cli`: the command, if its script is not on the PATH."""

from harvest_warehouse.cli import main

main()
