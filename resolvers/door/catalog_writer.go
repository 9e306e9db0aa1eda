package door

import (
	"context"

	"pedigree/registry"
	"pedigree/service"
	"pedigree/service/catalog"
)

// catalogWriter writes models, versions and aliases. It asks the service for related objects,
// as the resolvers do; siblings are read together.
type catalogWriter struct {
	*answerWriter
	ctx     context.Context
	service *service.Service
	// err is the first error of the service. What is written after it is not used.
	err error
}

// load returns what a service call returned, and keeps its error.
func load[T any](c *catalogWriter, v T, err error) T {
	if err != nil && c.err == nil {
		c.err = err
	}
	return v
}

func (c *catalogWriter) models(p *selectionPlan, m *catalog.ModelConnection) {
	c.object(p.fields, "ModelConnection", func(f *plannedField) {
		switch f.field {
		case "edges":
			c.array(len(m.Edges), func(i int) { c.modelEdge(f.selection, m.Edges[i]) })
		case "pageInfo":
			c.pageInfo(f.selection.fields, &m.PageInfo)
		case "totalCount":
			n, err := m.TotalCount(c.ctx)
			c.number(load(c, n, err))
		}
	})
}

func (c *catalogWriter) modelEdge(p *selectionPlan, e *catalog.ModelEdge) {
	c.object(p.fields, "ModelEdge", func(f *plannedField) {
		switch f.field {
		case "cursor":
			c.text(e.Cursor)
		case "node":
			c.model(f.selection, e.Node)
		}
	})
}

// model writes a model, or null for nil.
func (c *catalogWriter) model(p *selectionPlan, m *registry.Model) {
	if m == nil || c.err != nil {
		c.null()
		return
	}
	c.noun(p.fields, "Model", m.Mask, func(f *plannedField) {
		switch f.field {
		case "id":
			c.text(string(m.ID))
		case "revision":
			c.int(m.Revision)
		case "deleted":
			c.bool(m.Deleted)
		case "name":
			c.optional(m.Name)
		case "description":
			c.optional(m.Description)
		case "owner":
			c.optional(m.Owner)
		case "tags":
			c.keyValues(f.selection, m.Tags)
		case "createdAt":
			c.time(m.CreatedAt)
		case "updatedAt":
			c.time(m.UpdatedAt)
		case "incarnation":
			c.number(m.KnownIncarnation())
		case "lastNumber":
			c.number(m.KnownLastNumber())
		case "used":
			c.texts(m.Used)
		case "latestVersion":
			v, err := c.service.LatestVersion(c.ctx, m)
			c.version(f.selection, load(c, v, err))
		case "productionVersion":
			v, err := c.service.ProductionVersion(c.ctx, m)
			c.version(f.selection, load(c, v, err))
		case "aliases":
			list, err := c.service.AliasesOf(c.ctx, m)
			c.aliases(f.selection, load(c, list, err))
		}
	})
}

// version writes a version, or null for nil.
func (c *catalogWriter) version(p *selectionPlan, v *registry.ModelVersion) {
	if v == nil || c.err != nil {
		c.null()
		return
	}
	met := metVersionsOf(c.ctx)
	c.noun(p.fields, "ModelVersion", v.Mask, func(f *plannedField) {
		met.meet(v)
		switch f.field {
		case "id":
			c.text(string(v.ID))
		case "kind":
			c.text(string(v.Kind))
		case "revision":
			c.int(v.Revision)
		case "deleted":
			c.bool(v.Deleted)
		case "number":
			c.int(v.Number)
		case "tags":
			c.keyValues(f.selection, v.Tags)
		case "model":
			m, err := c.service.ModelOf(c.ctx, v)
			c.model(f.selection, load(c, m, err))
		case "aliases":
			list, err := c.service.AliasesOfVersion(c.ctx, v)
			c.aliases(f.selection, load(c, list, err))
		case "createdDate":
			c.time(v.CreatedDate)
		case "recordedAt":
			c.time(v.RecordedAt)
		case "updatedAt":
			c.time(v.UpdatedAt)
		default:
			c.optional(versionText(v, f.field))
		}
	})
}

// versionText returns a text field of a version.
func versionText(v *registry.ModelVersion, field string) string {
	switch field {
	case "name":
		return v.Name
	case "modelId":
		return v.ModelID
	case "modelName":
		return v.ModelName
	case "version":
		return v.Version
	case "label":
		return v.Label
	case "description":
		return v.Description
	case "owner":
		return v.Owner
	case "stage":
		return string(v.Stage)
	}
	return v.Creator
}

// aliases writes a list of aliases, or null for nil.
func (c *catalogWriter) aliases(p *selectionPlan, list []*registry.Alias) {
	if list == nil {
		c.null()
		return
	}
	c.array(len(list), func(i int) {
		a := list[i]
		c.noun(p.fields, "Alias", a.Mask, func(f *plannedField) {
			switch f.field {
			case "id":
				c.text(string(a.ID))
			case "revision":
				c.int(a.Revision)
			case "name":
				c.optional(a.Name)
			case "model":
				c.text(string(a.Model))
			case "versionId":
				c.text(string(a.VersionID))
			case "version":
				c.optional(a.Version)
			case "setBy":
				c.optional(a.SetBy)
			case "setAt":
				c.time(a.SetAt)
			}
		})
	})
}
