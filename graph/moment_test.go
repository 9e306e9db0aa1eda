package graph

import "testing"

func TestAMomentIsSharedByTheReadsOfARequest(t *testing.T) {
	ctx := WithMoment(t.Context())
	if got := MomentOf(ctx).State(); got != nil {
		t.Errorf("a new moment holds %v", got)
	}
	MomentOf(ctx).SetState(7)
	if got := MomentOf(ctx).State(); got != 7 {
		t.Errorf("the moment holds %v", got)
	}
	if got := MomentOf(WithMoment(ctx)).State(); got != nil {
		t.Errorf("the moment of another request holds %v", got)
	}
	none := MomentOf(t.Context())
	none.SetState(7)
	if none.State() != nil {
		t.Error("without a moment something is kept")
	}
}
