package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
)

// kubeflowAPI is the path of Kubeflow's REST API.
const kubeflowAPI = "/api/model_registry/v1/"

// kubeflowShare is how many of the answers a second of the MLflow API are wanted of Kubeflow's.
const kubeflowShare = 0.7

// kubeflowCalls returns how the Kubeflow API of this server is asked: for reads alone. The numbers of
// the models and versions are read after the load.
func kubeflowCalls() map[string]registryCall {
	read := func(uri func(*registryModel) string, wants func(*registryModel) []string) registryCall {
		return registryCall{method: http.MethodGet, uri: uri, body: func(*registryModel) string { return "" }, wants: func(m *registryModel) []string { return wants(m) }}
	}
	model := func(m *registryModel) []string { return kubeflowObjectWith(m.id, "name", m.name) }
	return map[string]registryCall{
		getModel.name: read(func(m *registryModel) string { return kubeflowAPI + "registered_models/" + m.id }, model),
		getVersion.name: read(func(m *registryModel) string { return kubeflowAPI + "model_versions/" + m.third },
			func(m *registryModel) []string { return kubeflowObjectWith(m.third, "registeredModelId", m.id) }),
		searchByName.name: read(func(m *registryModel) string { return kubeflowAPI + "registered_model?name=" + url.QueryEscape(m.name) }, model),
		listModels.name: read(func(*registryModel) string {
			return fmt.Sprintf("%sregistered_models?pageSize=%d&orderBy=ID", kubeflowAPI, pageSize)
		},
			func(*registryModel) []string {
				return []string{`{"items":[{`, `"pageSize":` + strconv.Itoa(pageSize) + `,"size":` + strconv.Itoa(pageSize)}
			}),
	}
}

// kubeflowObjectWith is what an answer has of an object, whose members are sorted.
func kubeflowObjectWith(id, member, value string) []string {
	return []string{`"id":` + jsonString(id), jsonString(member) + `:` + jsonString(value)}
}

// startRegistryKubeflow starts this server on SQLite, to be loaded as MLflow is and asked by the Kubeflow
// API.
func (r *runner) startRegistryKubeflow(ctx context.Context, name string) (*registryContender, error) {
	file := filepath.Join(r.Dir, "registry-kubeflow.db")
	removeStore(file)
	r.cleanups = append(r.cleanups, func() { removeStore(file) })
	server, err := r.startServer(ctx, "registry-kubeflow", "sqlite://"+file)
	if err != nil {
		return nil, err
	}
	c := r.pedigreeRegistry(name, server, func() []int { return []int{server.pid()} })
	c.loads, c.calls = doorCalls(c.models), kubeflowCalls()
	c.loaded = func() error { return c.readNumbers() }
	return c, nil
}

// readNumbers reads the numbers of the models and of their last loaded versions.
func (c *registryContender) readNumbers() error {
	conn, err := c.dial(getModel)
	if err != nil {
		return err
	}
	defer conn.close()
	byName, byID := map[string]*registryModel{}, map[string]*registryModel{}
	for _, m := range c.models {
		byName[m.name] = m
	}
	if err := eachKubeflow(conn, "registered_models", func(o kubeflowObject) {
		if m := byName[o.Name]; m != nil {
			m.id, byID[o.ID] = o.ID, m
		}
	}); err != nil {
		return err
	}
	if err := eachKubeflow(conn, "model_versions", func(o kubeflowObject) {
		if m := byID[o.ModelID]; m != nil {
			m.third = o.ID // Versions of a model come in the order of their numbers.
		}
	}); err != nil {
		return err
	}
	for _, m := range c.models {
		if m.id == "" || m.third == "" {
			return fmt.Errorf("the Kubeflow API does not list %s or its versions", m.name)
		}
	}
	return nil
}

// kubeflowObject is what is read of an object.
type kubeflowObject struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	ModelID string `json:"registeredModelId"`
}

// eachKubeflow passes each object of a list to fn.
func eachKubeflow(conn *httpConn, list string, fn func(kubeflowObject)) error {
	for token := ""; ; {
		body, err := conn.send(http.MethodGet, kubeflowAPI+list+"?pageSize=1000&orderBy=ID&nextPageToken="+url.QueryEscape(token), nil)
		if err != nil {
			return err
		}
		var page struct {
			Items []kubeflowObject `json:"items"`
			Next  string           `json:"nextPageToken"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return err
		}
		for _, o := range page.Items {
			fn(o)
		}
		if token = page.Next; token == "" {
			return nil
		}
	}
}

// checkKubeflow compares the reads of the Kubeflow API with those of the MLflow API, measured in the same
// run.
func (r *RegistryResult) checkKubeflow(work registryWork, clients int) (out []targetCheck) {
	ours, ok := r.median(work, KubeflowDoor, clients)
	theirs, too := r.median(work, MLflowDoor, clients)
	if !ok || !too {
		return nil
	}
	got := ours.PerSecond / theirs.PerSecond
	return []targetCheck{{fmt.Sprintf("%s on %s, %d at once: answers/s against %s", work.name, KubeflowDoor, clients, MLflowDoor), fmt.Sprintf("%.2f×", got), fmt.Sprintf("≥ %g×", kubeflowShare), got >= kubeflowShare}}
}
