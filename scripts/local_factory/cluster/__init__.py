"""What stands in for the Databricks cluster: one Spark JVM, and a Python process for every notebook run."""
