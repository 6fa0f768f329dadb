"""What we ship: the factory's JSON and the notebooks, read and checked. Knows nothing of Azure or of this machine."""
