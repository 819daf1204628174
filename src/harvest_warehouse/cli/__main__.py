"""`python -m harvest_warehouse.cli`: the command, where its script is not on the PATH."""

from harvest_warehouse.cli import main

main()
