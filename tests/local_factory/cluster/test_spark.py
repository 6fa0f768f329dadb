"""The laptop's Spark is set as the cluster in Azure is."""

import json

from bundle.layout import bundle_folder
from local_factory.cluster.spark import Cluster


def test_what_queries_are_set_to_on_the_cluster_they_are_set_to_here(spark_cluster: Cluster) -> None:
    service = bundle_folder("adf") / "linkedService/AzureDatabricksLinkedService.json"
    document = json.loads(service.read_text(encoding="utf-8"))
    settings = document["properties"]["typeProperties"]["newClusterSparkConf"]
    of_queries = {name: value for name, value in settings.items() if name.startswith("spark.sql.")}
    assert of_queries
    assert {name: spark_cluster.session.conf.get(name) for name in of_queries} == of_queries
