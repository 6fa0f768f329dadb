"""What data activities share: stand-ins for linked services, datasets, files, databases and tables of rows."""
