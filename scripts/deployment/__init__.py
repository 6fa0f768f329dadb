"""The bundle into Azure: what would change in the live factory and workspace, and changing it."""
