"""What every room stands on: settings, secrets, log, errors, time."""
