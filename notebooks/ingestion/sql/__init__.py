"""Reading databases over JDBC."""
