package bench

import (
	"context"
	"path/filepath"
	"regexp"
)

// indentation is what an indented answer of MLflow's has between the tokens of JSON, before the
// value of a field.
var indentation = regexp.MustCompile(`^(\{\n +)?("[a-z_]+"): `)

// doorCalls returns how the MLflow API of this server is asked: as MLflow is. Its answers are not
// indented.
func doorCalls(models []*registryModel) map[string]registryCall {
	calls := mlflowCalls(models)
	for name, call := range calls {
		wants := call.wants
		call.wants = func(m *registryModel) (out []string) {
			for _, text := range wants(m) {
				out = append(out, indentation.ReplaceAllStringFunc(text, func(s string) string {
					parts := indentation.FindStringSubmatch(s)
					if parts[1] != "" {
						return "{" + parts[2] + ":"
					}
					return parts[2] + ":"
				}))
			}
			return out
		}
		calls[name] = call
	}
	return calls
}

// startRegistryDoor starts this server on SQLite, to be asked as MLflow is.
func (r *runner) startRegistryDoor(ctx context.Context, name string) (*registryContender, error) {
	file := filepath.Join(r.Dir, "registry-door.db")
	removeStore(file)
	r.cleanups = append(r.cleanups, func() { removeStore(file) })
	server, err := r.startServer(ctx, "registry-door", "sqlite://"+file)
	if err != nil {
		return nil, err
	}
	c := r.pedigreeRegistry(name, server, func() []int { return []int{server.pid()} })
	c.calls = doorCalls(c.models)
	return c, nil
}
