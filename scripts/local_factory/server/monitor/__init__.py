"""Monitor, in the browser: runs as they go, pipelines with "Trigger now", triggers, feeds, the lake. No build step."""

from local_factory.server.monitor.site import Monitor

__all__ = ["Monitor"]
