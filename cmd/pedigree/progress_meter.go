package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressMeter shows progress. On a terminal it is a bar; otherwise it is a line at the
// start of a step and at every quarter of a long step.
type progressMeter struct {
	w       io.Writer
	tty     bool
	bar     *progressbar.ProgressBar
	step    string
	quarter int
}

// longStep is the size from which the quarters of a step are printed.
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

// finish removes the bar.
func (m *progressMeter) finish() {
	if m.bar != nil {
		m.bar.Finish()
		m.bar = nil
	}
}
