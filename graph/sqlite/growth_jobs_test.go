package sqlite_test

import "context"

// jobCases are what Marquez's clients read. Of a dataset with many versions and reads, the newest twenty
// and fifty are read.
func jobCases() (out []useCase) {
	for name, id := range map[string]string{"lineage of a job": "job:p:n000003", "lineage of a dataset": "dataset:others:n000003", "lineage of a much used dataset": "dataset:ns:big"} {
		out = append(out, get(name, 1, func(ctx context.Context, g *grown) (int, error) {
			found, err := g.JobLineage(ctx, id, nil)
			if err != nil {
				return 0, err
			}
			return len(found.Jobs) + len(found.Datasets), nil
		}))
	}
	return out
}
