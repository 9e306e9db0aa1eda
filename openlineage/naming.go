package openlineage

import (
	"net/url"
	"strings"
)

// storageRule is how the names of one storage system are written, by OpenLineage's naming
// rules (spec/Naming.md). Producers differ in the scheme, in the case of the host and in
// whether they name the usual port.
type storageRule struct {
	// scheme is the scheme of namespaces.
	scheme string
	// port is added to a host without one; "" when namespaces have no port.
	port string
	// path is true when names are paths, which have no slash at either end.
	path bool
	// lowerName is true when the system compares names without regard to case, and reports
	// them in upper or in lower case.
	lowerName bool
}

// storageRules are the rules by every scheme that producers write.
var storageRules = map[string]storageRule{
	"s3": {scheme: "s3", path: true}, "s3a": {scheme: "s3", path: true}, "s3n": {scheme: "s3", path: true},
	"gs": {scheme: "gs", path: true}, "gcs": {scheme: "gs", path: true},
	"abfss": {scheme: "abfss", path: true}, "abfs": {scheme: "abfss", path: true},
	"wasbs": {scheme: "wasbs", path: true}, "wasb": {scheme: "wasbs", path: true},
	"hdfs": {scheme: "hdfs", port: "8020"}, "webhdfs": {scheme: "hdfs", port: "8020"},
	"dbfs":     {scheme: "dbfs"},
	"postgres": {scheme: "postgres", port: "5432"}, "postgresql": {scheme: "postgres", port: "5432"},
	"redshift": {scheme: "redshift", port: "5439"},
	"mysql":    {scheme: "mysql", port: "3306"}, "mariadb": {scheme: "mysql", port: "3306"},
	"sqlserver": {scheme: "sqlserver", port: "1433"}, "mssql": {scheme: "sqlserver", port: "1433"},
	"oracle": {scheme: "oracle", port: "1521"},
	"db2":    {scheme: "db2", port: "50000"},
	"trino":  {scheme: "trino", port: "8080"}, "presto": {scheme: "trino", port: "8080"},
	"teradata":   {scheme: "teradata", port: "1025"},
	"cassandra":  {scheme: "cassandra", port: "9042"},
	"clickhouse": {scheme: "clickhouse", port: "8123"},
	"hive":       {scheme: "hive", port: "10000"}, "hive2": {scheme: "hive", port: "10000"},
	"kafka":       {scheme: "kafka", port: "9092"},
	"mongodb":     {scheme: "mongodb", port: "27017"},
	"snowflake":   {scheme: "snowflake", lowerName: true},
	"awsathena":   {scheme: "awsathena"},
	"spanner":     {scheme: "spanner"},
	"pubsub":      {scheme: "pubsub"},
	"azurecosmos": {scheme: "azurecosmos"}, "azurekusto": {scheme: "azurekusto"},
	"inmemory": {scheme: "inmemory"},
}

// Normalise returns the one spelling of the name of a dataset. Names of systems that have no
// rule here stay as they are.
func Normalise(n Name) Name {
	lower := strings.ToLower(n.Namespace)
	if lower == "bigquery" {
		return Name{lower, n.Name}
	}
	if lower == "file" || strings.HasPrefix(lower, "file://") {
		return normaliseFile(n)
	}
	scheme, rest, ok := strings.Cut(n.Namespace, "://")
	rule, known := storageRules[strings.ToLower(scheme)]
	if !ok || !known {
		return n
	}
	host, path, hasPath := strings.Cut(strings.TrimRight(rest, "/"), "/")
	if _, address, hasUser := strings.Cut(host, "@"); hasUser && rule.scheme != "abfss" && rule.scheme != "wasbs" {
		host = address // No credentials. In Azure's names the container stands there.
	}
	host = withPort(strings.ToLower(host), rule.port)
	out := Name{rule.scheme + "://" + host, n.Name}
	if hasPath {
		out.Namespace += "/" + path
	}
	if rule.path {
		out.Name = trimPath(n.Name)
	}
	if rule.lowerName {
		out.Name = strings.ToLower(n.Name)
	}
	return out
}

// withPort adds the usual port of a system to each host of a list without one.
func withPort(hosts, port string) string {
	if port == "" || hosts == "" {
		return hosts
	}
	list := strings.Split(hosts, ",")
	for i, h := range list {
		if u, err := url.Parse("x://" + h); err == nil && u.Port() == "" {
			list[i] = strings.TrimSuffix(h, ":") + ":" + port
		}
	}
	return strings.Join(list, ",")
}

// normaliseFile returns the name of a local file: namespace file, or file://host, and its path.
func normaliseFile(n Name) Name {
	rest := ""
	if len(n.Namespace) > len("file") {
		rest = n.Namespace[len("file://"):]
	}
	host, path, hasPath := strings.Cut(rest, "/")
	out := Name{"file", n.Name}
	if host != "" && !strings.EqualFold(host, "localhost") {
		out.Namespace = "file://" + strings.ToLower(host)
	}
	if path = strings.Trim(path, "/"); hasPath && path != "" {
		out.Name = "/" + path + "/" + strings.TrimLeft(n.Name, "/")
	}
	if trimmed := strings.TrimRight(out.Name, "/"); trimmed != "" {
		out.Name = trimmed
	}
	return out
}

// trimPath returns a path without slashes at its ends, and "/" for a whole bucket.
func trimPath(p string) string {
	if t := strings.Trim(p, "/"); t != "" {
		return t
	}
	return "/"
}

// Better reports whether a name is the one to use of two names of one dataset: that of a table
// before that of the folder where it lies, and else the smaller one. It is a fixed order, so
// that a name which was given up for a better one is never used again.
func (n Name) Better(than Name) bool {
	if a, b := n.isPath(), than.isPath(); a != b {
		return b
	}
	return n.Key() < than.Key()
}

// isPath reports whether a name is a path in a storage of files.
func (n Name) isPath() bool {
	scheme, _, _ := strings.Cut(n.Namespace, "://")
	return scheme == "file" || scheme == "dbfs" || scheme == "hdfs" || storageRules[scheme].path
}
