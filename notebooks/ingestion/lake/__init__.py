"""Files and tables of the lake."""
