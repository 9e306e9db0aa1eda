package bench

import (
	"os"
	"slices"
	"syscall"
	"time"
)

// syncTime returns the median time of an fdatasync after 4 KiB were appended to a
// file in a folder. Acknowledged writes depend on it.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "sync-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	times := make([]time.Duration, 100)
	for i := range times {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		start := time.Now()
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
