"""Landing countries, customers and products in the lake: plain Python and PySpark; everything it needs is passed in."""
