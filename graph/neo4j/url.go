package neo4j

import (
	"net/url"
	"slices"
	"strings"

	driver "github.com/neo4j/neo4j-go-driver/v5/neo4j"

	"pedigree/registry"
)

// parseURL parses scheme://user:password@host:7687/database. The driver gets the
// password as a token, so that no target that it prints contains it.
func parseURL(raw string) (target string, auth driver.AuthToken, database string, err error) {
	u, err := url.Parse(raw)
	schemes := []string{"neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"}
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return "", auth, "", badURL()
	}
	auth = driver.NoAuth()
	if u.User != nil {
		password, _ := u.User.Password()
		auth = driver.BasicAuth(u.User.Username(), password, "")
	}
	database = strings.Trim(u.Path, "/")
	if strings.Contains(database, "/") || u.Fragment != "" {
		return "", auth, "", badURL()
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: u.RawQuery}).String(), auth, database, nil
}

// badURL describes what a URL looks like. It contains nothing of the given one, which
// may hold a password.
func badURL() error {
	return registry.Invalid("store", "is not a Neo4j URL; write neo4j://user:password@host:7687/database, or bolt://, neo4j+s://, bolt+s://")
}
