"""A notebook's process that can be killed: attaches to the tests' one JVM, waits for a line, lands the customers.

Takes the lake, the database and the job group as arguments; the JVM's address is in PySpark's own variables.
"""

import os
import sys

from fakes.workspace import Settings
from ingestion.loads.process_customers import process_customers
from ingestion.platform.log import write_to_stdout
from local_factory.cluster.jvm import Gateway
from local_factory.cluster.spark import attach, name_jobs

lake, database, group = sys.argv[1:]
spark = attach(Gateway(int(os.environ["PYSPARK_GATEWAY_PORT"]), os.environ["PYSPARK_GATEWAY_SECRET"]))
name_jobs(spark, group, "process_customer_data")
write_to_stdout("ready")
sys.stdin.readline()
settings = Settings(environment={"LAKE_ROOT": lake, "SQL_URL": database})
write_to_stdout(f"exit {process_customers(spark, settings.configuration())}")
