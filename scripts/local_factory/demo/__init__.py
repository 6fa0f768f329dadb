"""What the factory on this machine reads in place of Azure SQL and the country API: real parts with sample data."""
