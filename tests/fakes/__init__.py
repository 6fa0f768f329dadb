"""Servers that stand in for Azure: stateful, on loopback, with the service's rules and with faults on order."""
