"""A job of two steps: raw calls from CSV, cleaned into Parquet, and features of customers from these."""
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.appName("churn").getOrCreate()
root = sys.argv[1]
raw = spark.read.csv(root + "/raw_calls.csv", header=True, inferSchema=True)
raw.fillna({"dropped": 0}).write.mode("overwrite").parquet(root + "/clean_calls")
clean = spark.read.parquet(root + "/clean_calls")
clean.groupBy("customer_id").agg(f.count("call_id").alias("calls"), f.sum("dropped").alias("dropped")).write.mode("overwrite").parquet(root + "/customer_features")
spark.stop()
