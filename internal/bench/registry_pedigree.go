package bench

import (
	"fmt"
	"net/http"
)

// modelSelection and versionSelection are what MLflow's answers tell of a model and
// of a version, as far as both know it.
const (
	modelSelection   = `name description owner createdAt updatedAt latestVersion { version stage } aliases { name version }`
	versionSelection = `name modelName version stage description owner createdDate updatedAt tags { key value } aliases { name }`
)

// pedigreeCalls returns how this server is asked over GraphQL. Every work is one
// document with variables. The models are those of the contender, in order.
func pedigreeCalls(models []*registryModel) map[string]registryCall {
	version := func(m *registryModel, v string) []string {
		return []string{`"modelName":` + jsonString(m.name) + `,"version":` + jsonString(v)}
	}
	return map[string]registryCall{
		registerModel.name: graphQLCall(`mutation($m: String!) { registerModel(input: {name: $m}) { model { name } } }`,
			modelVariable, func(m *registryModel) []string { return []string{`"model":{"name":` + jsonString(m.name)} }),
		getModel.name: graphQLCall(`query($m: String!) { model(name: $m) { `+modelSelection+` } }`,
			modelVariable, func(m *registryModel) []string {
				return []string{`"model":{"name":` + jsonString(m.name), `"latestVersion":{"version":` + jsonString(semverOf(m.versions)),
					`"aliases":[{"name":"` + registryAlias + `","version":` + jsonString(semverOf(m.alias)) + `}]`}
			}),
		getVersion.name: graphQLCall(`query($m: String!, $v: String!) { modelVersion(model: $m, version: $v) { `+versionSelection+` } }`,
			modelAnd("v", func(*registryModel) string { return semverOf(loadedVersions) }), func(m *registryModel) []string { return version(m, semverOf(loadedVersions)) }),
		getByAlias.name: graphQLCall(`query($m: String!, $v: String!) { modelVersion(model: $m, version: $v) { `+versionSelection+` } }`,
			modelAnd("v", func(*registryModel) string { return registryAlias }), func(m *registryModel) []string { return version(m, semverOf(m.alias)) }),
		searchByName.name: graphQLCall(`query($m: String!) { search(text: $m, kinds: [MODEL]) { edges { node { ... on Model { `+modelSelection+` } } } } }`,
			modelVariable, func(m *registryModel) []string {
				return []string{`"edges":[{"node":{"name":` + jsonString(m.name), `"latestVersion":{"version":` + jsonString(semverOf(m.versions))}
			}),
		listModels.name: graphQLCall(fmt.Sprintf(`{ models(first: %d) { edges { node { %s } } } }`, pageSize, modelSelection),
			func(*registryModel) string { return `{}` }, func(*registryModel) (wants []string) {
				for _, m := range models[:pageSize] {
					wants = append(wants, `{"node":{"name":`+jsonString(m.name), `"latestVersion":{"version":`+jsonString(semverOf(m.versions)))
				}
				return append(wants, `}]}}]}}}`)
			}),
		setAlias.name: graphQLCall(`mutation($m: String!, $v: String!) { setAlias(input: {model: $m, alias: "`+registryAlias+`", version: $v}) { alias { name version } } }`,
			modelAnd("v", func(m *registryModel) string { return semverOf(m.alias) }), func(m *registryModel) []string {
				return []string{`"alias":{"name":"` + registryAlias + `","version":` + jsonString(semverOf(m.alias))}
			}),
		transition.name: graphQLCall(`mutation($m: String!, $to: Stage!) { transitionModelVersion(input: {model: $m, version: "`+semverOf(loadedVersions)+
			`", to: $to}) { version { modelName version stage } } }`,
			modelAnd("to", pedigreeStage), func(m *registryModel) []string {
				return append(version(m, semverOf(loadedVersions)), `"stage":`+jsonString(pedigreeStage(m)))
			}),
		registerVersion.name: graphQLCall(`mutation($m: String!, $d: String!) { registerModelVersion(input: {model: $m, bump: MINOR, description: $d}) { modelVersion { modelName version } } }`,
			modelAnd("d", func(m *registryModel) string { return m.source() }), func(m *registryModel) []string { return version(m, semverOf(m.versions)) }),
		updateCard.name: graphQLCall(`mutation($m: String!, $d: String!) { updateModelCard(input: {model: $m, version: "`+semverOf(1)+
			`", card: {description: $d}}) { card { version description } } }`,
			modelAnd("d", func(m *registryModel) string { return m.description() }), func(m *registryModel) []string {
				return []string{`"card":{"version":` + jsonString(semverOf(1)) + `,"description":` + jsonString(m.description())}
			}),
	}
}

// graphQLCall returns the call of one document.
func graphQLCall(document string, variables func(*registryModel) string, wants func(*registryModel) []string) registryCall {
	head := `{"query":` + jsonString(document) + `,"variables":`
	return registryCall{method: http.MethodPost, uri: func(*registryModel) string { return "/graphql" },
		body: func(m *registryModel) string { return head + variables(m) + `}` }, wants: wants}
}

func modelVariable(m *registryModel) string { return `{"m":` + jsonString(m.name) + `}` }

// modelAnd returns the variables of a document: the model and one more.
func modelAnd(name string, value func(*registryModel) string) func(*registryModel) string {
	return func(m *registryModel) string {
		return `{"m":` + jsonString(m.name) + `,"` + name + `":` + jsonString(value(m)) + `}`
	}
}

// semverOf returns the semver that the nth version gets when each raises the minor
// part.
func semverOf(n int) string { return fmt.Sprintf("0.%d.0", n) }

func pedigreeStage(m *registryModel) string {
	if m.staged {
		return "STAGING"
	}
	return "DEVELOPMENT"
}
