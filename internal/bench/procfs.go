package bench

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// clockTick is the unit of CPU times in /proc. Linux reports them in hundredths of
// a second, whatever the kernel's own unit is.
const clockTick = 10 * time.Millisecond

// procStat returns the fields of /proc/PID/stat after the name of the command.
func procStat(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])), nil
}

// cpuOf returns the CPU time that processes have used so far, user and system. A
// process that has exited counts as zero.
func cpuOf(pids []int) (sum time.Duration) {
	for _, pid := range pids {
		f, err := procStat(pid)
		if err != nil || len(f) < 13 {
			continue
		}
		user, _ := strconv.ParseInt(f[11], 10, 64)
		system, _ := strconv.ParseInt(f[12], 10, 64)
		sum += time.Duration(user+system) * clockTick
	}
	return sum
}

// processTree returns a process and all its descendants.
func processTree(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range stats {
		p, _ := strconv.Atoi(filepath.Base(dir))
		if f, err := procStat(p); err == nil && len(f) > 1 {
			parent, _ := strconv.Atoi(f[1])
			children[parent] = append(children[parent], p)
		}
	}
	out := []int{pid}
	for i := 0; i < len(out); i++ {
		out = append(out, children[out[i]]...)
	}
	return out
}

// ownCPU returns the CPU time that this process has used so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ownAndChildCPU returns the CPU time of this process and of its children that have
// exited and were waited for.
func ownAndChildCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u); err != nil {
		return ownCPU()
	}
	return ownCPU() + time.Duration(u.Utime.Nano()+u.Stime.Nano())
}

// anonymousMemory returns the anonymous memory (RssAnon) of a process in bytes, or 0
// when it has exited.
func anonymousMemory(pid int) int64 {
	return procField(pid, "status", "RssAnon") << 10
}

// procField returns the number behind the name of a field in one of a process's files
// under /proc, or 0 when the process has exited.
func procField(pid int, file, field string) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	for line := range strings.Lines(string(b)) {
		if rest := strings.Fields(strings.TrimPrefix(line, field+":")); strings.HasPrefix(line, field+":") && len(rest) > 0 {
			n, _ := strconv.ParseInt(rest[0], 10, 64)
			return n
		}
	}
	return 0
}

// writtenBy returns the bytes that processes have passed to write calls so far.
func writtenBy(pids []int) (sum int64) {
	for _, pid := range pids {
		sum += procField(pid, "io", "wchar")
	}
	return sum
}

// residentMemory returns the resident memory of processes in bytes. What several of
// them share counts once.
func residentMemory(pids []int) (sum int64) {
	for _, pid := range pids {
		sum += procField(pid, "smaps_rollup", "Pss") << 10
	}
	return sum
}

// loadAverage returns the load of the machine over one, five and fifteen minutes.
func loadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}

// machineCPU returns the CPU time that the whole machine has used, and the total
// including idle time.
func machineCPU() (busy, all time.Duration) {
	b, _ := os.ReadFile("/proc/stat")
	first, _, _ := strings.Cut(string(b), "\n")
	for i, f := range strings.Fields(first)[1:] {
		n, _ := strconv.ParseInt(f, 10, 64)
		if i < 8 { // user and nice include the guest times already
			all += time.Duration(n) * clockTick
			if i != 3 && i != 4 { // idle and waiting for I/O
				busy += time.Duration(n) * clockTick
			}
		}
	}
	return busy, all
}
