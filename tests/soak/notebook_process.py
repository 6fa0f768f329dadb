"""A notebook's process that can be killed: reads its settings, attaches to the one JVM, waits for a line, ingests.

Takes the job group as an argument; the JVM's address is in the variable GATEWAY.
"""

import json
import os
import sys

from fakes.workspace import Settings
from ingestion.loads.run import run_feeds
from local_factory.cluster.jvm import Gateway
from local_factory.cluster.spark import attach, name_jobs

settings = Settings(**json.loads(sys.stdin.readline()))
spark = attach(Gateway(**json.loads(os.environ["GATEWAY"])))
name_jobs(spark, sys.argv[1], "ingest")
print("ready", flush=True)
sys.stdin.readline()
print(run_feeds(spark, settings.configuration()), flush=True)
