"""The bundle's dashboards on the laptop's lake: their queries are asked, and what comes of it is drawn."""
