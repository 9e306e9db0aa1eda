package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressMeter shows progress: a bar on a terminal, else a line when a step begins and
// at every quarter of a long one.
type progressMeter struct {
	w       io.Writer
	tty     bool
	bar     *progressbar.ProgressBar
	step    string
	quarter int
}

// longStep is the size from which a step's quarters are told.
const longStep = 1000

func newProgressMeter(w io.Writer) *progressMeter {
	f, ok := w.(*os.File)
	return &progressMeter{w: w, tty: ok && term.IsTerminal(int(f.Fd()))}
}

func (m *progressMeter) update(step string, done, total int) {
	if m.tty {
		if step != m.step {
			m.finish()
			size := int64(total)
			if total == 0 {
				size = -1
			}
			m.bar = progressbar.NewOptions64(size, progressbar.OptionSetWriter(m.w), progressbar.OptionSetDescription(step),
				progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		}
		m.step = step
		m.bar.Set(done)
		return
	}
	quarter := 0
	if total >= longStep {
		quarter = done * 4 / total
	}
	switch {
	case step != m.step && total > 0:
		fmt.Fprintf(m.w, "%s: %d\n", step, total)
	case step != m.step:
		fmt.Fprintln(m.w, step)
	case quarter != m.quarter:
		fmt.Fprintf(m.w, "%s: %d of %d\n", step, done, total)
	}
	m.step, m.quarter = step, quarter
}

// finish takes the bar away.
func (m *progressMeter) finish() {
	if m.bar != nil {
		m.bar.Finish()
		m.bar = nil
	}
}
