"""Reading web APIs."""
