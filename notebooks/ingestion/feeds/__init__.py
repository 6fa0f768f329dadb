"""What `sources/*.toml` say, read and checked: plain values, no I/O but the reading of the files, no Spark."""
