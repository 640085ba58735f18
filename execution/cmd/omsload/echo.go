package main

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// echoSize is that of a frame to riskd.
const echoSize = 128

// serveEcho sends back what comes, one caller at a time, until it is stopped.
func serveEcho(path string) error {
	lis, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	for {
		conn, err := lis.Accept()
		if err != nil {
			return err
		}
		b := make([]byte, 64*echoSize)
		for {
			n, err := conn.Read(b)
			if err == nil {
				_, err = conn.Write(b[:n])
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
		}
		if err := conn.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			return err
		}
	}
}

// echo times there and back, each from the moment at which it was meant to be sent.
type echo struct {
	conn net.Conn
	back chan []int64 // when each came back
}

func newEcho(path string) (*echo, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	return &echo{conn: conn}, nil
}

// slice sends n messages from start on, every so often, and returns when each was meant to be sent, was sent and came back.
func (e *echo) slice(p pacer, start int64, n int, rate float64) (rows [][3]int64, err error) {
	rows = make([][3]int64, n)
	read := make(chan error, 1)
	go func() {
		b := make([]byte, 64*echoSize)
		for got, whole := 0, 0; whole < n; {
			more, err := e.conn.Read(b)
			if err != nil {
				read <- err
				return
			}
			now := time.Now().UnixNano()
			for got += more; whole < got/echoSize; whole++ {
				rows[whole][2] = now
			}
		}
		read <- nil
	}()
	message := make([]byte, echoSize)
	for k := range n {
		intended := start + int64(float64(k)/rate*1e9)
		p.until(intended)
		rows[k][0], rows[k][1] = intended, time.Now().UnixNano()
		if _, err := e.conn.Write(message); err != nil {
			return nil, err
		}
	}
	return rows, <-read
}
