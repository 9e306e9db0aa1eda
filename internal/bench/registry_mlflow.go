package bench

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// mlflowAPI is the path of MLflow's REST API.
const mlflowAPI = "/api/2.0/mlflow/"

// mlflowCalls returns how MLflow is asked over its REST API. Its versions are numbers,
// its answers indented JSON. The models are those of the contender, in order.
func mlflowCalls(models []*registryModel) map[string]registryCall {
	version := func(m *registryModel, n int) []string {
		return []string{`"name": ` + jsonString(m.name), `"version": "` + strconv.Itoa(n) + `"`}
	}
	third := strconv.Itoa(loadedVersions)
	return map[string]registryCall{
		registerModel.name: mlflowWrite(http.MethodPost, "registered-models/create", func(m *registryModel) string { return "" },
			func(m *registryModel) []string { return []string{mlflowModelHead(m, 4)} }),
		getModel.name: mlflowRead("registered-models/get", func(m *registryModel) url.Values { return url.Values{"name": {m.name}} },
			func(m *registryModel) []string {
				return append(append([]string{mlflowModelHead(m, 4)}, version(m, m.versions)...),
					`"alias": "`+registryAlias+`"`, `"version": "`+strconv.Itoa(m.alias)+`"`)
			}),
		getVersion.name: mlflowRead("model-versions/get", func(m *registryModel) url.Values { return url.Values{"name": {m.name}, "version": {third}} },
			func(m *registryModel) []string { return version(m, loadedVersions) }),
		getByAlias.name: mlflowRead("registered-models/alias", func(m *registryModel) url.Values { return url.Values{"name": {m.name}, "alias": {registryAlias}} },
			func(m *registryModel) []string { return version(m, m.alias) }),
		searchByName.name: mlflowRead("registered-models/search", func(m *registryModel) url.Values { return url.Values{"filter": {"name LIKE '" + m.name + "%'"}} },
			func(m *registryModel) []string {
				return append([]string{mlflowModelHead(m, 6)}, version(m, m.versions)...)
			}),
		listModels.name: mlflowRead("registered-models/search", func(*registryModel) url.Values { return url.Values{"max_results": {strconv.Itoa(pageSize)}} },
			func(*registryModel) (wants []string) {
				for _, m := range models[:pageSize] {
					wants = append(append(wants, mlflowModelHead(m, 6)), version(m, m.versions)...)
				}
				return wants
			}),
		setAlias.name: mlflowWrite(http.MethodPost, "registered-models/alias", func(m *registryModel) string {
			return fmt.Sprintf(`,"alias":%q,"version":"%d"`, registryAlias, m.alias)
		}, func(*registryModel) []string { return []string{"{}"} }), // All that MLflow answers.
		transition.name: mlflowWrite(http.MethodPost, "model-versions/transition-stage", func(m *registryModel) string {
			return fmt.Sprintf(`,"version":%q,"stage":%q,"archive_existing_versions":false`, third, mlflowStage(m))
		}, func(m *registryModel) []string {
			return append(version(m, loadedVersions), `"current_stage": "`+mlflowStage(m)+`"`)
		}),
		registerVersion.name: mlflowWrite(http.MethodPost, "model-versions/create", func(m *registryModel) string { return fmt.Sprintf(`,"source":%q`, m.source()) },
			func(m *registryModel) []string { return version(m, m.versions) }),
		updateCard.name: mlflowWrite(http.MethodPatch, "model-versions/update", func(m *registryModel) string {
			return fmt.Sprintf(`,"version":"1","description":%q`, m.description())
		}, func(m *registryModel) []string {
			return append(version(m, 1), `"description": `+jsonString(m.description()))
		}),
	}
}

func mlflowRead(path string, parameters func(*registryModel) url.Values, wants func(*registryModel) []string) registryCall {
	return registryCall{method: http.MethodGet, uri: func(m *registryModel) string { return mlflowAPI + path + "?" + parameters(m).Encode() },
		body: func(*registryModel) string { return "" }, wants: wants}
}

// mlflowWrite returns a call whose body is the model's name and further fields.
func mlflowWrite(method, path string, fields func(*registryModel) string, wants func(*registryModel) []string) registryCall {
	return registryCall{method: method, uri: func(*registryModel) string { return mlflowAPI + path },
		body: func(m *registryModel) string { return `{"name":` + jsonString(m.name) + fields(m) + `}` }, wants: wants}
}

// mlflowModelHead returns how a model begins in an answer. The indent tells a model
// from its versions, which bear its name too.
func mlflowModelHead(m *registryModel, indent int) string {
	return fmt.Sprintf("{\n%*s%q: %s", indent, "", "name", jsonString(m.name))
}

func mlflowStage(m *registryModel) string {
	if m.staged {
		return "Staging"
	}
	return "None"
}
