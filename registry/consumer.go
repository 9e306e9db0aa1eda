package registry

import (
	"slices"
	"strings"
	"time"
)

// UseKind is a way to use a version.
type UseKind string

// The ways.
const (
	// UseGet is a get of the version by its number, its id, a label or an alias.
	UseGet UseKind = "GET"
	// UseLineage is a walk over the lineage of the version.
	UseLineage UseKind = "LINEAGE"
	// UseDownload is a download of an artifact of the version.
	UseDownload UseKind = "DOWNLOAD"
)

// Consumer is a subject that uses a version with an open deprecation, and since when.
type Consumer struct {
	Meta
	VersionID ID     `json:"versionId,omitempty"`
	Subject   string `json:"subject,omitempty"`
	// Since is when the subject was first known to use the version; LastUsedAt is its last use.
	Since      time.Time `json:"since,omitzero"`
	LastUsedAt time.Time `json:"lastUsedAt,omitzero"`
	// Uses are all uses since then, Days those of the last MaxUsageDays days, oldest first. These
	// and LastUsedAt are counters: a store keeps them beside the consumer, not in its document.
	Uses int        `json:"uses,omitempty"`
	Days []UsageDay `json:"days,omitempty"`
	// Environments are where live deployments of the subject had the version when the
	// deprecation was announced.
	Environments []string `json:"environments,omitempty"`
	// MigratedAt is when MigratedBy answered that the subject uses another version, with Comment.
	MigratedAt time.Time `json:"migratedAt,omitzero"`
	MigratedBy string    `json:"migratedBy,omitempty"`
	Comment    string    `json:"comment,omitempty"`
}

// UsageDay has the uses of one UTC day, such as 2027-03-01.
type UsageDay struct {
	Day       string `json:"day"`
	Gets      int    `json:"gets,omitempty"`
	Lineage   int    `json:"lineage,omitempty"`
	Downloads int    `json:"downloads,omitempty"`
}

// MaxUsageDays is how many days back a consumer shows its uses.
const MaxUsageDays = 120

// ConsumerID is the id of a subject as a consumer of a version.
func ConsumerID(version ID, subject string) ID {
	return NewID(KindConsumer, string(version), subject)
}

// NewConsumer returns a consumer of a version, known since a time.
func NewConsumer(version ID, subject string, since time.Time) *Consumer {
	c := &Consumer{VersionID: version, Subject: subject, Since: since}
	c.ID, c.Parent, c.ValidFrom = ConsumerID(version, subject), version, since
	return c
}

// Migrated reports whether the subject was said to use another version, and has not used this
// one since.
func (c *Consumer) Migrated() bool {
	return !c.MigratedAt.IsZero() && !c.LastUsedAt.After(c.MigratedAt)
}

// AddUses adds uses of one day.
func (c *Consumer) AddUses(day string, kind UseKind, n int) {
	i, known := slices.BinarySearchFunc(c.Days, day, func(d UsageDay, day string) int { return strings.Compare(d.Day, day) })
	if !known {
		c.Days = slices.Insert(c.Days, i, UsageDay{Day: day})
	}
	switch kind {
	case UseGet:
		c.Days[i].Gets += n
	case UseLineage:
		c.Days[i].Lineage += n
	case UseDownload:
		c.Days[i].Downloads += n
	}
}
