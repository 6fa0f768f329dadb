"""Folders of files: which of them are new, and what stands in them."""
