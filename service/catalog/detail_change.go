package catalog

import (
	"slices"

	"pedigree/registry"
	"pedigree/service/core"
)

// detailChange is what an update says of the description, owner and tags of a model or version.
// What is nil stays.
type detailChange struct {
	description, owner *string
	tags               []registry.KeyValue
	edits              *TagEdits
}

// newDetailChange returns the change of an input, normalized and checked. It does not change the
// input.
func newDetailChange(description, owner *string, tags []registry.KeyValue, edits *TagEdits) (*detailChange, error) {
	d := &detailChange{tags: tags, edits: edits}
	var errs []error
	if description != nil {
		d.description = new(*description)
		errs = append(errs, core.CheckText("description", d.description))
	}
	if owner != nil {
		d.owner = new(*owner)
		errs = append(errs, core.CheckKey("owner", d.owner))
	}
	return d, core.FirstError(append(errs, core.CheckTags("tags", tags), edits.check(tags))...)
}

// apply changes the fields of a thing and returns the names of those that it set. none is true
// when there are only edits of tags, and they change nothing.
func (d *detailChange) apply(description, owner *string, tags *[]registry.KeyValue) (changed []string, none bool, err error) {
	if d.description != nil {
		*description, changed = *d.description, append(changed, "description")
	}
	if d.owner != nil {
		*owner, changed = *d.owner, append(changed, "owner")
	}
	after, err := d.edits.apply(*tags, d.tags)
	if err != nil {
		return nil, false, err
	}
	if d.tags != nil || !slices.Equal(after, *tags) {
		*tags, changed = after, append(changed, "tags")
	}
	return changed, changed == nil && d.edits.any(), nil
}

// clearDetails sets the named fields of an input to what clears them. Other names are left out.
func clearDetails(fields []string, description, owner **string, tags *[]registry.KeyValue) {
	for _, f := range fields {
		switch f {
		case "description":
			*description = new(string)
		case "owner":
			*owner = new(string)
		case "tags":
			*tags = []registry.KeyValue{}
		}
	}
}
