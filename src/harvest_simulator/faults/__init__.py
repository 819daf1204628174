"""What can go wrong between Harvest and its reader: errors, damaged answers, hostile ones."""
