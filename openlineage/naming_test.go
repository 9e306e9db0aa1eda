package openlineage

import "testing"

// TestNamesOfStorageSystems has, for each system, names as several producers write them, and the
// one that all of them mean.
func TestNamesOfStorageSystems(t *testing.T) {
	for _, c := range []struct {
		system string
		want   Name
		same   []Name
	}{
		{"Amazon S3", Name{"s3://lake", "raw/churn.csv"}, []Name{{"s3a://lake", "/raw/churn.csv"}, {"s3n://LAKE", "raw/churn.csv/"}, {"S3://lake/", "raw/churn.csv"}}},
		{"Google Cloud Storage", Name{"gs://lake", "a/b"}, []Name{{"gcs://lake", "/a/b"}}},
		{"Azure Data Lake", Name{"abfss://c@acc.dfs.core.windows.net", "a/b"}, []Name{{"abfs://c@ACC.dfs.core.windows.net/", "/a/b"}}},
		{"Azure Blob", Name{"wasbs://c@acc.blob.core.windows.net", "a"}, []Name{{"wasb://c@acc.blob.core.windows.net", "a"}}},
		{"HDFS", Name{"hdfs://nn:8020", "/data/t"}, []Name{{"hdfs://NN", "/data/t"}}},
		{"DBFS", Name{"dbfs://workspace", "/mnt/a"}, []Name{{"DBFS://workspace", "/mnt/a"}}},
		{"local file", Name{"file", "/data/a.csv"}, []Name{{"file://", "/data/a.csv"}, {"FILE://localhost", "/data/a.csv/"}, {"file:///data", "a.csv"}}},
		{"PostgreSQL", Name{"postgres://db:5432", "ml.public.t"}, []Name{{"postgresql://DB", "ml.public.t"}, {"postgres://ada:secret@db:5432", "ml.public.t"}}},
		{"MySQL", Name{"mysql://db:3306", "shop.t"}, []Name{{"mariadb://db", "shop.t"}}},
		{"SQL Server", Name{"sqlserver://db:1433", "a.dbo.t"}, []Name{{"mssql://db", "a.dbo.t"}}},
		{"Oracle", Name{"oracle://db:1521", "s.o.t"}, []Name{{"oracle://db", "s.o.t"}}},
		{"Redshift", Name{"redshift://c.eu-west-1:5439", "d.s.t"}, []Name{{"redshift://c.eu-west-1", "d.s.t"}}},
		{"Snowflake", Name{"snowflake://org-acc", "db.public.t"}, []Name{{"snowflake://ORG-ACC", "DB.PUBLIC.T"}}},
		{"BigQuery", Name{"bigquery", "p.d.t"}, []Name{{"BigQuery", "p.d.t"}}},
		{"Trino", Name{"trino://h:8080", "c.s.t"}, []Name{{"presto://h", "c.s.t"}}},
		{"Hive", Name{"hive://m:10000", "db.t"}, []Name{{"hive2://m", "db.t"}}},
		{"Kafka", Name{"kafka://b1:9092,b2:9092", "topic"}, []Name{{"kafka://b1,b2", "topic"}}},
		{"Cassandra", Name{"cassandra://h:9042", "k.t"}, []Name{{"cassandra://h", "k.t"}}},
		{"MongoDB", Name{"mongodb://h:27017", "db.c"}, []Name{{"mongodb://h", "db.c"}}},
		{"Teradata", Name{"teradata://h:1025", "d.t"}, []Name{{"teradata://h", "d.t"}}},
		{"Athena", Name{"awsathena://athena.eu-west-1.amazonaws.com", "c.d.t"}, []Name{{"AWSATHENA://athena.eu-west-1.amazonaws.com", "c.d.t"}}},
		{"IPv6", Name{"postgres://[::1]:5432", "t"}, []Name{{"postgres://[::1]", "t"}}},
	} {
		for _, n := range append(c.same, c.want) {
			if got := Normalise(n); got != c.want {
				t.Errorf("%s: %v is %v, want %v", c.system, n, got, c.want)
			}
		}
	}
	for _, n := range []Name{{"airflow-prod", "a/b"}, {"", "x"}, {"://", "x"}, {"arn:aws:glue:eu-west-1:1", "table/db/t"}, {"unknown://H", "/x/"}} {
		if got := Normalise(n); got != n {
			t.Errorf("%v became %v", n, got)
		}
	}
}

func TestATableIsABetterNameThanItsFolder(t *testing.T) {
	folder, table, other := Name{"s3://lake", "a"}, Name{"snowflake://x", "t"}, Name{"postgres://db:5432", "t"}
	if !table.Better(folder) || folder.Better(table) || !other.Better(table) || table.Better(other) || table.Better(table) {
		t.Error("the order of names is not fixed")
	}
}
