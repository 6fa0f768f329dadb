"""A data factory on this machine: it runs a bundle's pipelines as Azure Data Factory does."""
