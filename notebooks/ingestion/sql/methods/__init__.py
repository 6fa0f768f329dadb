"""How only what changed is read from a table: one module a method."""
