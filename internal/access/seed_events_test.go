package access

import (
	"fmt"

	"pedigree/registry"
)

// events sends an OpenLineage event of a run that read one version of a dataset and wrote another, with
// facets that nothing is made of.
func (b *seedBuilder) events(label, dataset, input, output string, visibleTo ...map[registry.ID]bool) {
	const id = "0190a1b2-0000-7000-8000-00000000abcd"
	port := func(of string) string {
		return fmt.Sprintf(`{"namespace":%q,"name":%q,"facets":{"version":{"datasetVersion":%q},"house":{"kept":true}},"inputFacets":{"subset":{"kept":true}}}`,
			b.seed.name[dataset+"/namespace"], b.seed.name[dataset], b.seed.name[of])
	}
	b.do("events of "+label, func() error {
		_, err := b.s.RecordLineageEvent(b.asAdmin(), fmt.Appendf(nil, `{"eventTime":"1987-07-30T00:00:00Z","eventType":"COMPLETE","producer":"p","run":{"runId":%q,"facets":{"test":{"kept":true}}},"job":{"namespace":"n","name":"etl"},"inputs":[%s],"outputs":[%s]}`,
			id, port(input), port(output)))
		b.addRow(label, registry.NewRunID("openlineage", id), visibleTo...)
		return err
	})
}
