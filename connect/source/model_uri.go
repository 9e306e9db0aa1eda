package source

import "strings"

// ModelURI returns the model and version that a URI of a registry names: models:/NAME/VERSION of
// MLflow, models:/NAME@ALIAS, or model-registry://HOST/NAME/VERSION of Kubeflow. It reports false
// for other URIs.
func ModelURI(uri string) (model, version string, ok bool) {
	scheme, rest, found := strings.Cut(uri, ":/")
	if !found {
		return "", "", false
	}
	switch parts := strings.Split(strings.Trim(rest, "/"), "/"); {
	case strings.EqualFold(scheme, "models") && len(parts) == 1:
		model, version, _ = strings.Cut(parts[0], "@")
	case strings.EqualFold(scheme, "models") && len(parts) == 2:
		model, version = parts[0], parts[1]
	case strings.EqualFold(scheme, "model-registry") && len(parts) == 2: // The host may be left out.
		model, version = parts[0], parts[1]
	case strings.EqualFold(scheme, "model-registry") && len(parts) == 3:
		model, version = parts[1], parts[2]
	}
	return model, version, model != "" && version != ""
}
