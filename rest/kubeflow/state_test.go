package kubeflow

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pedigree/registry"
	"pedigree/service/catalog"
	"pedigree/service/core"
	"pedigree/service/governance"
)

// pathTo are the transitions from DEVELOPMENT to a stage.
var pathTo = map[registry.Stage][]registry.Stage{
	registry.Development: {}, registry.Staging: {registry.Staging}, registry.Canary: {registry.Staging, registry.Canary}, registry.Production: {registry.Staging, registry.Production},
	registry.Deprecated: {registry.Staging, registry.Production, registry.Deprecated}, registry.Archived: {registry.Archived},
}

// versionIn registers a version of a model of its own and moves it to a stage. It returns Kubeflow's
// id and the registry's.
func (k *kit) versionIn(name string, stage registry.Stage) (string, registry.ID) {
	k.Helper()
	p, err := k.service.RegisterModelVersion(k.as(registry.RoleAdmin), catalog.RegisterModelVersionInput{Model: name, CreateModel: true, Version: new("1.0.0")})
	if err != nil {
		k.Fatal(err)
	}
	for _, to := range pathTo[stage] {
		if _, err := k.service.TransitionModelVersion(k.as(registry.RoleAdmin), catalog.TransitionModelVersionInput{ID: &p.ModelVersion.ID, To: to}); err != nil {
			k.Fatal(err)
		}
	}
	return fmt.Sprint(p.ModelVersion.Serial), p.ModelVersion.ID
}

// stands returns the stage and the description of a version.
func (k *kit) stands(id registry.ID) string {
	k.Helper()
	n, err := k.service.Node(k.as(registry.RoleAdmin), id)
	if err != nil {
		k.Fatal(err)
	}
	v := n.(*registry.ModelVersion)
	return strings.Trim(string(v.Stage)+" "+v.Description, " ")
}

// TestStatesOfAVersion sends each state to a version in each stage as each role. What the lifecycle or
// the role does not allow is refused with Kubeflow's body, and changes nothing of the same PATCH.
func TestStatesOfAVersion(t *testing.T) { checkStates(newKit(t)) }

// TestStatesOfAVersionOnNeo4j does so on Neo4j.
func TestStatesOfAVersionOnNeo4j(t *testing.T) { checkStates(kitOnNeo4j(t)) }

// toldBy are the lines of the matrix: what a PATCH with a state answers, and where the version is then.
// A line is the stage and the state, and the answer for the administrator, for a data scientist, who may
// change versions and not move them, and for developers and viewers, who may not.
const toldBy = `
DEVELOPMENT ARCHIVED | 200 ARCHIVED changed | 403 DEVELOPMENT | 404 DEVELOPMENT
DEVELOPMENT LIVE | 200 DEVELOPMENT changed | 200 DEVELOPMENT changed | 404 DEVELOPMENT
STAGING ARCHIVED | 200 ARCHIVED changed | 403 STAGING | 404 STAGING
STAGING LIVE | 200 STAGING changed | 200 STAGING changed | 404 STAGING
CANARY ARCHIVED | 200 ARCHIVED changed | 403 CANARY | 404 CANARY
CANARY LIVE | 200 CANARY changed | 200 CANARY changed | 404 CANARY
PRODUCTION ARCHIVED | 400 PRODUCTION | 403 PRODUCTION | 403 PRODUCTION
PRODUCTION LIVE | 200 PRODUCTION changed | 200 PRODUCTION changed | 403 PRODUCTION
DEPRECATED ARCHIVED | 200 ARCHIVED changed | 403 DEPRECATED | 403 DEPRECATED
DEPRECATED LIVE | 200 DEPRECATED changed | 200 DEPRECATED changed | 403 DEPRECATED
ARCHIVED ARCHIVED | 200 ARCHIVED changed | 200 ARCHIVED changed | 404 ARCHIVED
ARCHIVED LIVE | 200 DEVELOPMENT changed | 403 ARCHIVED | 404 ARCHIVED
`

func checkStates(k *kit) {
	k.Helper()
	asked := 0
	for _, line := range strings.Split(strings.TrimSpace(toldBy), "\n") {
		cells := strings.Split(line, " | ")
		stage, state, _ := strings.Cut(cells[0], " ")
		for i, role := range []string{registry.RoleAdmin, registry.RoleDataScientist, registry.RoleDeveloper, registry.RoleViewer} {
			number, id := k.versionIn(fmt.Sprint("m", asked), registry.Stage(stage))
			asked++
			head := k.head()
			status, body := k.send(role, "PATCH", Prefix+"model_versions/"+number, `{"state":"`+state+`","description":"changed"}`)
			if got, want := fmt.Sprint(status, " ", k.stands(id)), cells[min(i+1, 3)]; got != want {
				k.Errorf("%s as %s: %s, want %s: %s", cells[0], role, got, want, body)
			}
			var told struct{ Code, Message, State string }
			if err := json.Unmarshal([]byte(body), &told); err != nil || (status == 200) != (told.State == state) || (status != 200) != (told.Message != "" && told.Code != "") {
				k.Errorf("%s as %s: %s", cells[0], role, body)
			}
			if status != 200 && k.head() != head {
				k.Errorf("%s as %s: refused, and the log has grown", cells[0], role)
			}
		}
	}
	number, _ := k.versionIn("refused", registry.Production)
	k.refused(400, "a version in PRODUCTION can go to [DEPRECATED CANARY], not to ARCHIVED", "PATCH", "model_versions/"+number, `{"state":"ARCHIVED"}`)
	k.Logf("PROOF %d PATCHes with a state: stage × state × role", asked)
}

// head returns the sequence of the newest log entry.
func (k *kit) head() int64 {
	k.Helper()
	log, err := k.service.AuditLog(k.as(registry.RoleAdmin), core.Paging{First: new(1)}, nil)
	if err != nil || len(log.Edges) == 0 {
		k.Fatal(err)
	}
	return log.Edges[0].Node.Seq
}

// TestAStateAndTheRestAreOneChange refuses a PATCH for its external id, which is checked after the
// version was moved: it is in its stage still.
func TestAStateAndTheRestAreOneChange(t *testing.T) {
	k := newKit(t)
	first, _ := k.versionIn("first", registry.Development)
	k.ok("PATCH", "model_versions/"+first, `{"externalId":"taken"}`)
	number, id := k.versionIn("second", registry.Development)
	head := k.head()
	k.refused(409, "already exists", "PATCH", "model_versions/"+number, `{"state":"ARCHIVED","externalId":"taken"}`)
	if got := k.stands(id); got != "DEVELOPMENT" || k.head() != head {
		t.Errorf("a refused PATCH left the version in %s, and %d log entries", got, k.head()-head)
	}
	k.ok("PATCH", "model_versions/"+number, `{"state":"ARCHIVED","externalId":"free"}`)
	if got := k.stands(id); got != "ARCHIVED" {
		t.Errorf("the version is in %s", got)
	}
}

// TestAGuardedStateMakesARequest takes a version back where a guard asks for approvals: a request is
// made, and nothing else of the PATCH is done. A guarded version is archived by a retirement alone.
func TestAGuardedStateMakesARequest(t *testing.T) {
	k := newKit(t)
	number, id := k.versionIn("guarded", registry.Archived)
	live, _ := k.versionIn("live", registry.Development)
	if _, err := k.service.PutTransitionGuard(k.as(registry.RoleAdmin), governance.PutTransitionGuardInput{Profile: registry.ProfileGuarded, Stages: []registry.Stage{registry.Development, registry.Archived}, Needed: 1}); err != nil {
		t.Fatal(err)
	}
	status, body := k.send(registry.RoleDataScientist, "PATCH", Prefix+"model_versions/"+number, `{"state":"LIVE","description":"changed"}`)
	if status != 403 || !strings.Contains(body, `"code":"Forbidden"`) || !strings.Contains(body, "was made, and nothing was changed") {
		t.Errorf("%d %s", status, body)
	}
	requests, err := k.service.TransitionRequests(k.as(registry.RoleAdmin), core.Paging{First: new(5)}, nil)
	if err != nil || len(requests.Edges) != 1 || requests.Edges[0].Node.VersionID != id || k.stands(id) != "ARCHIVED" {
		t.Errorf("%d requests, and the version is %s: %v", len(requests.Edges), k.stands(id), err)
	}
	k.refused(400, "retireModelVersion", "PATCH", "model_versions/"+live, `{"state":"ARCHIVED","description":"changed"}`)
}
