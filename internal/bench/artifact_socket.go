package bench

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
)

// copyBuffer is the number of bytes that are copied at one time; cat takes as many.
const copyBuffer = 128 << 10

// onlyWriter and onlyReader hide what a socket can do besides: cat reads and writes, and so does this.
type (
	onlyWriter struct{ io.Writer }
	onlyReader struct{ io.Reader }
)

// fileSocket is a server that does with files what cat does at the end of a socket: it puts what comes
// into a file and synchronises it, or puts a file into the socket.
type fileSocket struct {
	net.Listener
	dir string
}

// listenForFiles starts a fileSocket with its files in a folder.
func listenForFiles(dir string) (*fileSocket, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &fileSocket{l, dir}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn.(*net.TCPConn))
		}
	}()
	return s, nil
}

// serve does what the first two bytes of a connection ask for: the way and the number of the file.
func (s *fileSocket) serve(conn *net.TCPConn) {
	defer conn.Close()
	head := make([]byte, 2)
	if _, err := io.ReadFull(conn, head); err != nil {
		return
	}
	name, buffer := filepath.Join(s.dir, fmt.Sprintf("bare-%d", head[1])), make([]byte, copyBuffer)
	if head[0] == 'r' {
		f, err := os.Open(name)
		if err != nil {
			return
		}
		defer f.Close()
		io.CopyBuffer(onlyWriter{conn}, onlyReader{f}, buffer)
		return
	}
	f, err := os.Create(name)
	if err != nil {
		return
	}
	defer f.Close()
	if _, err := io.CopyBuffer(onlyWriter{f}, onlyReader{conn}, buffer); err != nil || f.Sync() != nil {
		return
	}
	conn.Write([]byte("ok"))
}

func (s *fileSocket) dial(way byte, i int) (*net.TCPConn, error) {
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		return nil, err
	}
	_, err = conn.Write([]byte{way, byte(i)})
	return conn.(*net.TCPConn), err
}

// send puts a file into the socket and waits until it lies on the disk.
func (s *fileSocket) send(i int, f *patternFile) error {
	conn, err := s.dial('w', i)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.CopyBuffer(onlyWriter{conn}, f.reader(), make([]byte, copyBuffer)); err != nil {
		return err
	}
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err == nil && !bytes.Equal(answer, []byte("ok")) {
		err = fmt.Errorf("the socket did not keep file %d", i)
	}
	return err
}

// receive reads a file out of the socket.
func (s *fileSocket) receive(i int, f *patternFile) error {
	conn, err := s.dial('r', i)
	if err != nil {
		return err
	}
	defer conn.Close()
	n, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{conn}, make([]byte, copyBuffer))
	if err == nil && n != f.size {
		err = fmt.Errorf("file %d has %d bytes and not %d", i, n, f.size)
	}
	return err
}
