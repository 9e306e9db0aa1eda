package openlineage

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"pedigree/registry"
)

// Producer is the producer of every run that events told: a run id is a UUID, so that the events
// of one run from two producers are about one run.
const Producer = "openlineage"

// Code is the commit that a run executed.
type Code struct {
	SHA     string
	RepoURL string
}

// ModelVersionRef names a version of a model that a run produced.
type ModelVersionRef struct{ Model, Version, Description string }

// Deployment is a deployment that a run made.
type Deployment struct{ Model, Version, Environment, Endpoint string }

// tagPrefix begins the keys of tags that are made of facets other than tags.
const tagPrefix = "openlineage."

// jobNamespace is the key, behind the prefix, of the tag with the namespace of a run's job.
const jobNamespace = "job.namespace"

// RunName is the name of the runs of a job.
func RunName(job Name) string { return registry.Shorten(job.Name, 254) }

// JobOfRuns is a job as its runs name it.
func JobOfRuns(job Name) Name { return Name{job.Namespace, RunName(job)} }

// JobNamespace is the namespace of the job of a run, "" when no event told it.
func JobNamespace(r *registry.Run) string { return TagOf(r.Tags, jobNamespace) }

// OwnTags returns the tags that are not made of facets other than tags.
func OwnTags(all []registry.KeyValue) []registry.KeyValue {
	return slices.DeleteFunc(slices.Clone(all), func(t registry.KeyValue) bool { return strings.HasPrefix(t.Key, tagPrefix) })
}

// TagOf returns the value of a tag that is made of a facet, such as nominalTime; "" when there is none.
func TagOf(tags []registry.KeyValue, key string) string {
	for _, t := range tags {
		if t.Key == tagPrefix+key {
			return t.Value
		}
	}
	return ""
}

// maxTags is the most tags that are made of the facets of one object.
const maxTags = 60

// Facts fills a run with what the events say: everything but its identity, its actor and when
// it was recorded.
func (s *RunState) Facts(run *registry.Run) {
	job := s.JobName()
	run.Name, run.Producer, run.RunID = RunName(job), Producer, s.RunID
	run.RunKind = s.Kind()
	run.Status = map[string]registry.RunStatus{Complete: registry.RunComplete, Fail: registry.RunFailed, Abort: registry.RunAborted, "": registry.RunRunning}[s.EndType()]
	run.StartedAt, run.EndedAt = s.First, s.EndedAt()
	var query sqlFacet
	if s.JobFacets.of(sql, &query) {
		run.Command = text(query.Query)
	}
	var doc documentationFacet
	if s.JobFacets.of(documentation, &doc) {
		run.Description = text(doc.Description)
	}
	var failure errorMessageFacet
	if s.RunFacets.of(errorMessage, &failure) && run.Status != registry.RunComplete {
		run.Description = text(strings.TrimPrefix(run.Description+"\n\n"+failure.Message, "\n\n"))
	}
	var parameters executionParametersFacet
	if s.RunFacets.of(executionParameters, &parameters) {
		run.Parameters = parametersOf(parameters)
	}
	run.Tags = s.tags(job)
}

func parametersOf(f executionParametersFacet) registry.JSON {
	all := map[string]json.RawMessage{}
	for _, p := range f.Parameters {
		if p.Key != "" && len(p.Value) > 0 {
			all[p.Key] = p.Value
		}
	}
	raw, err := registry.Canonical(all)
	if err != nil || len(all) == 0 || len(raw) > registry.MaxJSON {
		return nil
	}
	return raw
}

// Kind is what the run is for: training when it wrote a model, or else what its name says.
func (s *RunState) Kind() registry.RunKind {
	if len(s.ModelVersions()) > 0 {
		return registry.RunTraining
	}
	for _, u := range s.Outputs {
		var t datasetTypeFacet
		if u.Facets.of(datasetType, &t) && strings.EqualFold(t.DatasetType, "MODEL") {
			return registry.RunTraining
		}
	}
	name := s.JobName().Name
	var job jobTypeFacet
	if s.JobFacets.of(jobType, &job) && strings.EqualFold(job.Integration, "DBT") {
		return dbtKind(name, job.JobType)
	}
	if k, ok := registry.RunKindOfName(name[strings.LastIndexAny(name, "./")+1:]); ok && k != registry.RunOther {
		return k
	}
	return ""
}

// dbtKind is what a job of dbt is for. Its name ends with the command, as in
// "db.schema.project.orders.build.run", and dbt makes tables alone: a table whose name has the word
// training was not trained, and a test looks at data.
func dbtKind(name, job string) registry.RunKind {
	switch strings.ToUpper(job) {
	case "MODEL", "SNAPSHOT", "SEED":
	default:
		return ""
	}
	words := strings.Split(name, ".")
	for _, w := range words[min(3, len(words)-1):] { // Behind the database, the schema and the project.
		if k, _ := registry.RunKindOfName(w); k == registry.RunFeatureEngineering {
			return k
		}
	}
	return registry.RunETL
}

// tags are the tags of the run and the job, and what other facets say of them in a word.
func (s *RunState) tags(job Name) []registry.KeyValue {
	t := tagSet{}
	t.add(jobNamespace, job.Namespace)
	var owners ownershipFacet
	if s.JobFacets.of(ownership, &owners) {
		t.add("job.owner", ownerOf(owners))
	}
	var kind jobTypeFacet
	if s.JobFacets.of(jobType, &kind) {
		t.add("job.type", strings.Trim(kind.Integration+" "+kind.JobType+" "+kind.ProcessingType, " "))
	}
	var nominal nominalTimeFacet
	if s.RunFacets.of(nominalTime, &nominal) {
		t.add("nominalTime", strings.TrimSuffix(nominal.NominalStartTime+"/"+nominal.NominalEndTime, "/"))
	}
	var engine processingEngineFacet
	if s.RunFacets.of(processingEngine, &engine) {
		t.add("engine", strings.Trim(engine.Name+" "+engine.Version, " "))
	}
	var up parentFacet
	if s.RunFacets.of(parent, &up) {
		t.add("parent.run", strings.ToLower(up.Run.RunID))
		t.add("parent.job", up.Job.Name)
		if up.Root != nil {
			t.add("root.run", strings.ToLower(up.Root.Run.RunID))
			t.add("root.job", up.Root.Job.Name)
		}
	}
	var code sourceCodeLocationFacet
	if s.JobFacets.of(sourceCodeLocation, &code) {
		t.add("code.path", code.Path)
		t.add("code.tag", code.Tag)
		t.add("code.branch", code.Branch)
	}
	t.addFacet(s.JobFacets)
	t.addFacet(s.RunFacets)
	return t.list()
}

// tagSet collects tags by key.
type tagSet map[string]string

// add adds a tag that is made of another facet.
func (t tagSet) add(key, value string) { t.put(tagPrefix+key, value) }

func (t tagSet) put(key, value string) {
	key, value = norm.NFC.String(key), norm.NFC.String(value)
	if value != "" && registry.CheckKey("key", key) == nil && registry.CheckTagValue("value", value) == nil {
		t[key] = value
	}
}

// addFacet adds the tags of the tags facet. A tag of one field only is no tag of the whole.
func (t tagSet) addFacet(facets Facets) {
	var f tagsFacet
	if !facets.of(tags, &f) {
		return
	}
	for _, tag := range f.Tags {
		if tag.Field == "" && !strings.HasPrefix(tag.Key, tagPrefix) {
			t.put(tag.Key, tag.Value)
		}
	}
}

func (t tagSet) list() (out []registry.KeyValue) {
	for _, key := range slices.Sorted(maps.Keys(t)) {
		out = append(out, registry.KeyValue{Key: key, Value: t[key]})
	}
	return out[:min(len(out), maxTags)]
}

var sha = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// Code is the commit whose code the run executed. It reports false when no event named one.
func (s *RunState) Code() (Code, bool) {
	var f sourceCodeLocationFacet
	if !s.JobFacets.of(sourceCodeLocation, &f) || !sha.MatchString(strings.ToLower(f.Version)) {
		return Code{}, false
	}
	repo := f.RepoURL
	if repo == "" {
		repo = f.URL
		if at := strings.Index(repo, "/blob/"); at > 0 {
			repo = strings.TrimSuffix(repo[:at], "/-")
		}
	}
	return Code{strings.ToLower(f.Version), repo}, repo != ""
}

// ModelVersions are the versions of models that the events say the run produced, by the facet
// pedigree_modelVersion of the run or of an output, sorted.
func (s *RunState) ModelVersions() (out []ModelVersionRef) {
	add := func(f Facets) {
		var ref modelVersionFacet
		if f.of(modelVersionProduced, &ref) {
			out = append(out, ModelVersionRef(ref))
		}
	}
	add(s.RunFacets)
	for _, u := range SortedUses(s.Outputs) {
		add(u.Facets)
		add(u.UseFacets)
	}
	slices.SortFunc(out, func(a, b ModelVersionRef) int {
		return strings.Compare(a.Model+"\n"+a.Version, b.Model+"\n"+b.Version)
	})
	return slices.CompactFunc(out, func(a, b ModelVersionRef) bool { return a.Model == b.Model && a.Version == b.Version })
}

// Deployment is the deployment that the run made, by its facet pedigree_deployment. It reports
// false when no event told of one.
func (s *RunState) Deployment() (Deployment, bool) {
	var f deploymentFacet
	ok := s.RunFacets.of(deploymentMade, &f)
	return Deployment(f), ok
}

// ownerOf is the first owner by name, without the kind of thing that the owner is.
func ownerOf(f ownershipFacet) string {
	var names []string
	for _, o := range f.Owners {
		if o.Name != "" {
			names = append(names, o.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}

// text returns free text as the registry stores it: cut to its limit, without control
// characters.
func text(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' || registry.CheckText("text", string(r)) == nil {
			return r
		}
		return -1
	}, norm.NFC.String(s))
	for len(s) > registry.MaxText {
		_, size := utf8.DecodeLastRuneInString(s[:registry.MaxText+1])
		s = s[:registry.MaxText+1-max(size, 1)]
	}
	return s
}
