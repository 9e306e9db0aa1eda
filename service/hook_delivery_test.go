package service_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"pedigree/registry"
)

// TestDeliveriesAreNotedInBoundedSpace notes many deliveries: each is known for the time of the window,
// and the places do not grow beyond their number.
func TestDeliveriesAreNotedInBoundedSpace(t *testing.T) { noteDeliveries(t, newEventKit(t)) }

// TestDeliveriesAreNotedOnNeo4j does so on Neo4j.
func TestDeliveriesAreNotedOnNeo4j(t *testing.T) { noteDeliveries(t, newNeo4jEventKit(t)) }

func noteDeliveries(t *testing.T, k *kit) {
	t.Helper()
	digest := func(i int) [sha256.Size]byte { return sha256.Sum256(fmt.Append(nil, i)) }
	note := func(window time.Duration, i int) bool {
		return must[bool](k)(k.NoteHookDelivery(k.admin, window, digest(i), digest(-i)))
	}
	for i := 1; i <= 300; i++ {
		if !note(time.Hour, i) {
			t.Fatalf("delivery %d was not new", i)
		}
	}
	known := 0
	for i := 1; i <= 300; i++ {
		if !note(time.Hour, i) {
			known++
		}
	}
	if known < 298 { // Two of them may have one place.
		t.Errorf("%d of 300 deliveries are known", known)
	}
	if !note(0, 300) {
		t.Error("a delivery is known after its window")
	}
	if _, err := k.NoteHookDelivery(k.as("bob", registry.RoleViewer), time.Hour, digest(1)); registry.CodeOf(err) != registry.Forbidden {
		t.Errorf("as a viewer: %v", err)
	}
}
