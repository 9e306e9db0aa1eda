package bench

import "fmt"

// pageSize is the number of models in a page, loadedVersions the number of versions
// that every model has at first.
const pageSize, loadedVersions = 100, 3

// registryAlias is the alias that every model has. It is none that only an
// administrator may move.
const registryAlias = "candidate"

// registryModel is what the bench knows of one model of one contender, so that it can
// tell a right answer from a wrong one. Only one client at a time writes to it.
type registryModel struct {
	name      string
	versions  int    // how many are registered; they are numbered from 1
	alias     int    // the number of the version that the alias points at
	staged    bool   // whether the last of the loaded versions is in staging
	id, third string // the numbers of the model and of its last loaded version, for the Kubeflow API
	edits     int    // how often the card of the first version was written
}

func newRegistryModels(n int) []*registryModel {
	models := make([]*registryModel, n)
	for i := range models {
		models[i] = &registryModel{name: fmt.Sprintf("bench-model-%06d", i)}
	}
	return models
}

// description is the text that the last edit wrote.
func (m registryModel) description() string { return fmt.Sprintf("Predicts churn, edit %d.", m.edits) }

// source is where the files of the newest version lie.
func (m registryModel) source() string { return fmt.Sprintf("s3://bench/%s/%d", m.name, m.versions) }

// workKind says which targets hold for a work.
type workKind int

const (
	workGet workKind = iota
	workSearch
	workPage
	workWrite
)

// registryWork is one thing that clients ask of a registry.
type registryWork struct {
	name string
	kind workKind
	// questions is the number of questions in one pass.
	questions int
	// change does to a model what the write does to it; nil for reads.
	change func(*registryModel)
}

// The works.
var (
	registerModel   = registryWork{"register model", workWrite, 200, func(*registryModel) {}}
	getModel        = registryWork{"get model", workGet, 500, nil}
	getVersion      = registryWork{"get version", workGet, 500, nil}
	getByAlias      = registryWork{"get by alias", workGet, 500, nil}
	searchByName    = registryWork{"search by name", workSearch, 200, nil}
	listModels      = registryWork{"100 models with latest version", workPage, 20, nil}
	setAlias        = registryWork{"set alias", workWrite, 200, func(m *registryModel) { m.alias = m.alias%loadedVersions + 1 }}
	transition      = registryWork{"transition", workWrite, 200, func(m *registryModel) { m.staged = !m.staged }}
	registerVersion = registryWork{"register version", workWrite, 200, func(m *registryModel) { m.versions++ }}
	updateCard      = registryWork{"update card", workWrite, 200, func(m *registryModel) { m.edits++ }}
)

// registryLoad returns the writes that make a model as every measurement expects it.
func registryLoad() []registryWork {
	return []registryWork{registerModel, registerVersion, registerVersion, registerVersion, setAlias, updateCard}
}

// registryWorks returns what is measured, in this order.
func registryWorks() []registryWork {
	return []registryWork{getModel, getVersion, getByAlias, searchByName, listModels, setAlias, transition, registerVersion, updateCard}
}

// registryCall is how one contender is asked for a work. For a write, the functions
// get the model as the write will leave it.
type registryCall struct {
	method    string
	uri, body func(m *registryModel) string
	// wants returns texts that a right answer contains, in this order.
	wants func(m *registryModel) []string
}
