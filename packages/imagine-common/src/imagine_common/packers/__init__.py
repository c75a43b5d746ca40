"""What the packers have in common: all but their formats."""
