"""What rows have to be like: checks, the gate, what was found."""
