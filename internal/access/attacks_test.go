package access

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// attack is an abusive request and its expected answer. Names that start with the
// same number belong to the same kind of attack.
type attack struct {
	name    string
	request func(*testServer) *http.Request
	status  int    // 0: any
	code    string // "": any code, but not none
	within  time.Duration
	// The answer contains the text contains and does not contain the text excludes.
	contains, excludes string
}

func (s *testServer) jsonRequest(query string, variables string) *http.Request {
	q, _ := json.Marshal(query)
	if variables == "" {
		variables = "{}"
	}
	return s.request(admin, `{"query":`+string(q)+`,"variables":`+variables+`}`)
}

func post(query string) func(*testServer) *http.Request {
	return func(s *testServer) *http.Request { return s.jsonRequest(query, "") }
}

func postVariables(query, variables string) func(*testServer) *http.Request {
	return func(s *testServer) *http.Request { return s.jsonRequest(query, variables) }
}

func rawBody(body string) func(*testServer) *http.Request {
	return func(s *testServer) *http.Request { return s.request(admin, body) }
}

func withContentType(contentType, body string) func(*testServer) *http.Request {
	return func(s *testServer) *http.Request {
		r := s.request(admin, body)
		r.Header.Set("Content-Type", contentType)
		return r
	}
}

func get(query string) func(*testServer) *http.Request {
	return func(s *testServer) *http.Request {
		r := s.request(admin, "")
		r.Method, r.Body, r.ContentLength = http.MethodGet, nil, 0
		r.URL.RawQuery = query
		return r
	}
}

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		if strings.Contains(format, "%d") {
			fmt.Fprintf(&b, format, i)
		} else {
			b.WriteString(format)
		}
	}
	return b.String()
}

// doublingFragments writes a query with n fragments that each spread the next one
// twice.
func doublingFragments(n int) string {
	q := "query { models { edges { node { ...f0 } } } }"
	for i := range n {
		q += fmt.Sprintf(" fragment f%d on Model { ...f%d ...f%d }", i, i+1, i+1)
	}
	return q + fmt.Sprintf(" fragment f%d on Model { id }", n)
}

// doublingFragmentsIn is doublingFragments under a root field that computes the cost
// of its selection itself.
func doublingFragmentsIn(root, on string, n int) string {
	q := "query { " + root + " { ...f0 } }"
	for i := range n {
		q += fmt.Sprintf(" fragment f%d on %s { ...f%d ...f%d }", i, on, i+1, i+1)
	}
	return q + fmt.Sprintf(" fragment f%d on %s { root }", n, on)
}

const secret = "hunter2-canary-of-the-body"

// attacks returns the attacks that the server refuses before a resolver runs.
func attacks() []attack {
	const quick = 500 * time.Millisecond
	register := `registerModel(input: {name: "evil"}) { model { id } } `
	return []attack{
		{name: "1 a thousand aliases of one list", request: post("{ " + repeat(1000, "a%d: models { totalCount } ") + "}"), within: quick},
		{name: "1 twenty-one root fields", request: post("{ " + repeat(21, "a%d: viewer { subject } ") + "}"), code: "RESOURCE_EXHAUSTED"},
		{name: "1 thirty-one aliases", request: post("{ viewer { " + repeat(31, "a%d: subject ") + "} }"), code: "RESOURCE_EXHAUSTED"},
		{name: "1 ten searches of many fields", request: post("{ " + repeat(10, "a%d: search(text: \"a\", first: 200) { edges { node { ... on Model { name owner description } } } } ") + "}"), code: "RESOURCE_EXHAUSTED"},
		{name: "a search of a megabyte of words", request: post(`{ search(text: "` + strings.Repeat("a b ", 30000) + `") { totalCount } }`), code: "INVALID_ARGUMENT", within: quick},
		{name: "a search of seventeen words", request: post(`{ search(text: "a b c d e f g h i j k l m n o p q") { totalCount } }`), code: "INVALID_ARGUMENT"},
		{name: "a search of no word", request: post(`{ search(text: "*:* () ~ \\") { totalCount } }`), code: "INVALID_ARGUMENT"},
		{name: "a search of what is not found", request: post(`{ search(text: "a", kinds: [TOKEN]) { totalCount } }`), code: "INVALID_ARGUMENT"},
		{name: "2 one mutation a hundred times", request: post("mutation { " + repeat(100, "a%d: "+register) + "}")},
		{name: "2 six mutations in one", request: post("mutation { " + repeat(6, "a%d: "+register) + "}"), code: "RESOURCE_EXHAUSTED"},
		{name: "2 six mutations in a fragment", request: post("mutation { ...f } fragment f on Mutation { " + repeat(6, "a%d: "+register) + "}"), code: "RESOURCE_EXHAUSTED"},
		{name: "3 an array of operations", request: rawBody(`[{"query":"{ viewer { subject } }"},{"query":"` + secret + `"}]`), status: 400, code: "INVALID_ARGUMENT", excludes: secret},
		{name: "4 one field 16,000 times", request: post("{ models { edges { node { " + repeat(16000, "id ") + "} } } }"), within: quick},
		{name: "5 __typename 16,000 times", request: post("{ " + repeat(16000, "__typename ") + "}"), within: quick},
		{name: "5 __typename aliased 16,000 times", request: post("{ " + repeat(16000, "a%d:__typename ") + "}"), within: quick},
		{name: "6 ten thousand directives", request: post("{ viewer { subject " + repeat(10000, "@aa ") + "} }"), within: quick},
		{name: "6 as many directives as tokens", request: post("{ viewer { subject " + repeat(450, "@aa ") + "} }"), within: quick, code: "INVALID_ARGUMENT"},
		{name: "6 as many unknown fields as tokens", request: post("{ viewer { " + repeat(900, "zz%d ") + "} }"), within: 2 * time.Second, code: "INVALID_ARGUMENT"},
		{name: "7 fragments that double 26 times", request: post(doublingFragments(26)), within: quick},
		{name: "7 fragments that double 10 times", request: post(doublingFragments(10)), within: quick, code: "RESOURCE_EXHAUSTED"},
		{name: "7 fragments that double 40 times inside lineage", request: post(doublingFragmentsIn("lineage(of: \"x\")", "LineageGraph", 40)), within: quick, code: "RESOURCE_EXHAUSTED"},
		{name: "7 fragments that double 40 times inside columnLineage", request: post(doublingFragmentsIn("columnLineage(of: \"x\", column: \"x\")", "ColumnLineage", 40)), within: quick,
			code: "RESOURCE_EXHAUSTED"},
		{name: "8 a circle of fragments", request: post("{ viewer { ...a } } fragment a on Viewer { ...b } fragment b on Viewer { ...a }"), code: "INVALID_ARGUMENT"},
		{name: "8 a fragment that spreads itself", request: post("{ viewer { ...a } } fragment a on Viewer { subject ...a }"), code: "INVALID_ARGUMENT"},
		{name: "9 deep recursion through back edges", request: post(strings.Repeat("{ models(first: 1) { edges { node { versions(first: 1) { edges { node { model ", 1) +
			strings.Repeat("{ versions(first: 1) { edges { node { model ", 4) + "{ id }" + strings.Repeat(" } } } }", 4) + " } } } } } } }"), code: "RESOURCE_EXHAUSTED"},
		{name: "10 two hundred million versions", request: post("{ models(first: 100000) { edges { node { versions(first: 2000) { edges { node { id } } } } } } }"),
			code: "INVALID_ARGUMENT", contains: "first must be 0..200"},
		{name: "10 forty thousand versions with cards", request: post("{ models(first: 200) { edges { node { versions(first: 200) { edges { node { card { name } } } } } } } }"), code: "RESOURCE_EXHAUSTED"},
		{name: "10 two hundred versions of two hundred columns", request: post(`{ columnLineage(of: "x", column: "x", first: 200) { columns { node { upstream(first: 200) { edges { node { id } } } } } } }`),
			code: "RESOURCE_EXHAUSTED"},
		{name: "10 two hundred deployments of two hundred versions", request: post(`{ columnLineage(of: "x", column: "x") { versions(first: 200) { edges { node { deployments(first: 200) { edges { node { id } } } } } } } }`),
			code: "RESOURCE_EXHAUSTED"},
		{name: "11 first -1", request: post("{ models(first: -1) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 first 201", request: post("{ models(first: 201) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 first 2^31", request: post("{ models(first: 2147483648) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 first 2^64+1", request: post("{ models(first: 18446744073709551617) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 first 1.5", request: post("{ models(first: 1.5) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 a text as first", request: postVariables("query($n: Int) { models(first: $n) { totalCount } }", `{"n":"7"}`), code: "INVALID_ARGUMENT"},
		{name: "11 a fraction as first", request: postVariables("query($n: Int) { models(first: $n) { totalCount } }", `{"n":1.5}`), code: "INVALID_ARGUMENT"},
		{name: "11 an exponent beyond the limit as first", request: postVariables("query($n: Int) { models(first: $n) { totalCount } }", `{"n":1e3}`), code: "INVALID_ARGUMENT"},
		{name: "11 a text as maxDepth", request: postVariables("query($n: Int) { lineage(of: \"x\", maxDepth: $n) { root } }", `{"n":"7"}`), code: "INVALID_ARGUMENT"},
		{name: "11 an object as maxDepth", request: post("{ lineage(of: \"x\", maxDepth: {}) { root } }"), code: "INVALID_ARGUMENT"},
		{name: "11 an object as truth value", request: post("{ impact(of: \"x\", live: {}) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 2^31 as maxDepth", request: post("{ lineage(of: \"x\", maxDepth: 2147483648) { root } }"), code: "INVALID_ARGUMENT"},
		{name: "11 2^64 as a truth value", request: post("{ impact(of: \"x\", live: 18446744073709551616) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 2^64 as a time", request: post("{ impact(of: \"x\", asOf: 18446744073709551616) { totalCount } }"), code: "INVALID_ARGUMENT"},
		{name: "11 1e999 in JSON", request: post("mutation { updateModelCard(input: {id: \"x\", card: {modelDetails: {hyperparameters: {a: 1e999}}}}) { card { id } } }"), code: "INVALID_ARGUMENT"},
		{name: "20 half a surrogate pair in a literal", request: post(`{ model(name: "\uD83D") { id } }`), code: "INVALID_ARGUMENT"},
		{name: "20 half a surrogate pair in a variable", request: rawBody(`{"query":"query($n: String!) { model(name: $n) { id } }","variables":{"n":"\ud83d"}}`), status: 400},
		{name: "a part that comes later", request: post("{ ... @defer { viewer { subject } } }"), code: "INVALID_ARGUMENT"},
		{name: "11 2^31 in a variable", request: postVariables("query($n: Int) { models(first: $n) { totalCount } }", `{"n":2147483648}`), code: "INVALID_ARGUMENT"},
		{name: "11 -1 in a variable", request: postVariables("query($n: Int) { models(first: $n) { totalCount } }", `{"n":-1}`), code: "INVALID_ARGUMENT"},
		{name: "11 first 500 deep inside", request: postVariables("query($n: Int = 500) { models(first: 1) { edges { node { versions(first: $n) { totalCount } } } } }", `{}`), code: "INVALID_ARGUMENT"},
		{name: "11 101 ids", request: post("{ " + nodesCall(strings.Fields(repeat(101, "mv_%d "))) + " { id } }"), code: "INVALID_ARGUMENT"},
		{name: "12 a field that nearly is", request: post("{ modelz { totalCount } }"), code: "INVALID_ARGUMENT", excludes: "id you mean"},
		{name: "12 an argument that nearly is", request: post("{ models(frst: 1) { totalCount } }"), code: "INVALID_ARGUMENT", excludes: "id you mean"},
		{name: "12 an input field that nearly is", request: post(`{ models(filter: {ownr: "x"}) { totalCount } }`), code: "INVALID_ARGUMENT", excludes: "id you mean"},
		{name: "12 an enum value that nearly is", request: post(`{ models(filter: {stage: PRODUCTON}) { totalCount } }`), code: "INVALID_ARGUMENT", excludes: "id you mean"},
		{name: "12 a type that nearly is", request: post(`{ node(id: "x") { ... on Modle { id } } }`), code: "INVALID_ARGUMENT", excludes: "id you mean"},
		{name: "12 a variable type that nearly is", request: post(`query($x: Strin) { model(name: $x) { id } }`), code: "INVALID_ARGUMENT", excludes: "id you mean"},
		{name: "13 a mutation by GET", request: get("query=" + url.QueryEscape("mutation { "+register+"}")), status: 405, code: "INVALID_ARGUMENT", contains: "GET takes queries alone"},
		{name: "13 a form", request: withContentType("application/x-www-form-urlencoded", "query="+url.QueryEscape("mutation { "+register+"}")), status: 415},
		{name: "13 text/plain", request: withContentType("text/plain", `{"query":"mutation { registerModel(input: {name: \"evil\"}) { model { id } } }"}`), status: 415},
		{name: "13 no content type", request: withContentType("", `{"query":"{ viewer { subject } }"}`), status: 415},
		{name: "13 application/graphql", request: withContentType("application/graphql", "{ viewer { subject } }"), status: 415},
		{name: "13 another charset", request: withContentType("application/json; charset=utf-16", `{"query":"{ viewer { subject } }"}`), status: 415},
		{name: "14 multipart", request: withContentType("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{\"query\":\"mutation { "+
			`registerModel(input: {name: \"evil\"}) { model { id } } }"}`+"\r\n--x--"), status: 415},
		{name: "15 multipart with a bad index", request: withContentType("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"map\"\r\n\r\n{\"0\":[\"variables.files.99\"]}\r\n--x--"), status: 415},
		{name: "four exports at once", request: func(s *testServer) *http.Request {
			return post("{ " + repeat(4, "a%d: lineageExport(of: \""+string(s.seed.id["raw"])+"\", format: DOT) { body } ") + "}")(s)
		}, code: "RESOURCE_EXHAUSTED"},
		{name: "16 fifty megabytes", request: rawBody(`{"query":"` + strings.Repeat("x", 50<<20) + `"}`), status: 413, code: "RESOURCE_EXHAUSTED", within: 2 * time.Second},
		{name: "16 a list of 200,000 in a variable", request: postVariables("query($i: [ID!]!) { nodes(ids: $i) { id } }", `{"i":[`+strings.TrimSuffix(repeat(200000, `"a",`), ",")+`]}`), status: 413},
		{name: "16 a list of 1,001 in a variable", request: postVariables("query($i: [ID!]!) { nodes(ids: $i) { id } }", `{"i":[`+strings.TrimSuffix(repeat(1001, `"a",`), ",")+`]}`), status: 400},
		{name: "16 a list of 101 in a variable", request: postVariables("query($i: [ID!]!) { nodes(ids: $i) { id } }", `{"i":[`+strings.TrimSuffix(repeat(101, `"a",`), ",")+`]}`), code: "INVALID_ARGUMENT"},
		{name: "16 variables nested 10,000 levels", request: postVariables("{ viewer { subject } }", `{"a":`+strings.Repeat("[", 10000)+strings.Repeat("]", 10000)+`}`), status: 400},
		{name: "16 a query nested 10,000 levels", request: post(strings.Repeat("{a", 10000)), within: quick},
		{name: "16 a list literal nested 400 levels", request: post("{ nodes(ids: " + strings.Repeat("[", 400) + strings.Repeat("]", 400) + ") { id } }"), within: quick},
		{name: "17 malformed JSON with a secret", request: rawBody(`{"query":"{ viewer { subject } }","variables":{"password":"` + secret + `"}`), status: 400, excludes: secret},
		{name: "17 JSON that is cut short", request: rawBody(`{"query":"` + secret), status: 400, excludes: secret},
		{name: "17 a variable of the wrong type", request: postVariables("query($n: Int!) { models(first: $n) { totalCount } }", `{"n":"`+secret+`"}`), code: "INVALID_ARGUMENT", excludes: secret},
		{name: "19 a key given twice", request: rawBody(`{"query":"{ viewer { subject } }","query":"{ models { totalCount } }"}`), status: 400},
		{name: "19 a key given twice by an escape", request: rawBody(`{"query":"{ viewer { subject } }","qu\u0065ry":"{ models { totalCount } }"}`), status: 400},
		{name: "19 a variable given twice", request: rawBody(`{"query":"{ viewer { subject } }","variables":{"a":1,"a":2}}`), status: 400},
		{name: "19 QUERY", request: rawBody(`{"QUERY":"{ viewer { subject } }"}`), status: 400},
		{name: "19 an unknown key", request: rawBody(`{"query":"{ viewer { subject } }","x":1}`), status: 400},
		{name: "19 bytes behind the body", request: rawBody(`{"query":"{ viewer { subject } }"} x`), status: 400},
		{name: "19 a second body", request: rawBody(`{"query":"{ viewer { subject } }"}{"query":"{ viewer { subject } }"}`), status: 400},
		{name: "19 a byte order mark", request: rawBody("\ufeff" + `{"query":"{ viewer { subject } }"}`), status: 400},
		{name: "19 no body", request: rawBody(""), status: 400},
		{name: "19 null", request: rawBody("null"), status: 400},
		{name: "20 bad UTF-8", request: rawBody(`{"query":"mutation { registerModel(input: {name: \"` + "\xff\xfe" + `\"}) { model { id } } }"}`), status: 400},
		{name: "20 bad UTF-8 in the URL", request: get("query=%7Bviewer%7Bsubject%7D%7D%ff"), status: 400},
		{name: "21 a query under the hash of another", request: rawBody(`{"query":"{ viewer { subject } }","extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + strings.Repeat("ab", 32) + `"}}}`), status: 400},
		{name: "21 a hash alone", request: rawBody(`{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"` + strings.Repeat("ab", 32) + `"}}}`), status: 200, contains: `"message":"PersistedQueryNotSupported"`},
		{name: "a parameter twice in the URL", request: get("query=%7Bviewer%7Bsubject%7D%7D&query=%7Bmodels%7BtotalCount%7D%7D"), status: 400},
		{name: "a token in the URL", request: get("query=%7Bviewer%7Bsubject%7D%7D&access_token=x"), status: 400},
		{name: "a thousand and one tokens", request: post("{ viewer { " + repeat(1000, "subject ") + "} }"), code: "INVALID_ARGUMENT"},
		{name: "two operations without a name", request: post("query a { viewer { subject } } query b { models { totalCount } }")},
		{name: "a subscription", request: post("subscription { transitions { id } }")},
		{name: "gzip", request: func(s *testServer) *http.Request {
			r := s.request(admin, "\x1f\x8b")
			r.Header.Set("Content-Encoding", "gzip")
			return r
		}, status: 415},
	}
}
