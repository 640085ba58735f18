package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"
)

// wire is one gRPC stream over a Unix socket, spoken by hand: gRPC over HTTP/2 as omsd serves it. grpc-go's client hands every
// message to goroutines of its own and takes a fifth of the time of what is measured; here a message is one write by
// whoever sends it.
//
// Threading: one goroutine sends, another receives.
type wire struct {
	conn   net.Conn
	framer *http2.Framer
	buf    []byte // of a message that is sent
	unread []byte // of messages that have not come whole

	mu     sync.Mutex // of what is written and of the windows
	moved  sync.Cond
	window [2]int64 // bytes that may be sent: of the connection, of the stream
	fresh  int64    // window of a new stream, as the server's settings say
	failed error
}

// streamID is that of the only stream of a connection.
const streamID = 1

// ours is the window that the server is given: more than it will ever answer.
const ours = 1<<31 - 1

// message frames: HTTP/2's head, gRPC's head.
const (
	frameHead = 9
	grpcHead  = 5
)

// dialWire connects and opens a stream of the method.
func dialWire(path, method string) (*wire, error) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	w := &wire{conn: conn, framer: http2.NewFramer(conn, conn), window: [2]int64{65_535, 65_535}, fresh: 65_535}
	w.moved.L = &w.mu
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":path", method}, {":authority", "localhost"},
		{"content-type", "application/grpc"}, {"te", "trailers"},
	} {
		err = errors.Join(err, encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}))
	}
	if _, failed := io.WriteString(conn, http2.ClientPreface); failed != nil {
		err = errors.Join(err, failed)
	}
	err = errors.Join(
		err, w.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: ours}),
		w.framer.WriteWindowUpdate(0, ours-65_535),
		w.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: streamID, BlockFragment: head.Bytes(), EndHeaders: true}),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the stream %s: %w", method, err), conn.Close())
	}
	return w, nil
}

// send writes a message, and waits for room where the server gives none.
func (w *wire) send(m proto.Message) error {
	b, err := proto.MarshalOptions{}.MarshalAppend(append(w.buf[:0], make([]byte, frameHead+grpcHead)...), m)
	if err != nil {
		return err
	}
	w.buf = b
	size := len(b) - frameHead
	binary.BigEndian.PutUint32(b, uint32(size)<<8) // three bytes of length, then the type, DATA = 0
	b[4] = 0                                       // no flags
	binary.BigEndian.PutUint32(b[5:], streamID)
	b[frameHead] = 0 // not compressed
	binary.BigEndian.PutUint32(b[frameHead+1:], uint32(size-grpcHead))
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.failed == nil && min(w.window[0], w.window[1]) < int64(size) {
		w.moved.Wait()
	}
	if w.failed != nil {
		return w.failed
	}
	w.window[0] -= int64(size)
	w.window[1] -= int64(size)
	_, err = w.conn.Write(b)
	return err
}

// closeSend says that no more messages come.
func (w *wire) closeSend() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.framer.WriteData(streamID, true, nil)
}

// receive gives every message of the server to take until the stream ends, which is io.EOF where it ends well.
func (w *wire) receive(take func(message []byte) error) error {
	err := w.receiving(take)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = err
	w.moved.Broadcast()
	return err
}

func (w *wire) receiving(take func(message []byte) error) error {
	decoder := hpack.NewDecoder(4096, nil)
	for {
		f, err := w.framer.ReadFrame()
		if err != nil {
			return err
		}
		switch f := f.(type) {
		case *http2.DataFrame:
			w.unread = append(w.unread, f.Data()...)
			if err := w.messages(take); err != nil {
				return err
			}
		case *http2.HeadersFrame:
			fields, err := decoder.DecodeFull(f.HeaderBlockFragment())
			if err != nil {
				return err
			}
			if f.StreamEnded() {
				return ended(fields)
			}
		case *http2.RSTStreamFrame:
			return fmt.Errorf("the stream was reset: %s", f.ErrCode)
		case *http2.GoAwayFrame:
			return fmt.Errorf("the server went away: %s", f.ErrCode)
		default:
			if err := w.control(f); err != nil {
				return err
			}
		}
	}
}

// messages cuts what has come into messages.
func (w *wire) messages(take func(message []byte) error) error {
	for len(w.unread) >= grpcHead {
		end := grpcHead + int(binary.BigEndian.Uint32(w.unread[1:]))
		if len(w.unread) < end {
			break
		}
		if err := take(w.unread[grpcHead:end]); err != nil {
			return err
		}
		w.unread = w.unread[end:]
	}
	return nil
}

// control answers what is about the connection.
func (w *wire) control(f http2.Frame) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.moved.Broadcast()
	switch f := f.(type) {
	case *http2.SettingsFrame:
		if f.IsAck() {
			return nil
		}
		if size, ok := f.Value(http2.SettingInitialWindowSize); ok {
			w.window[1] += int64(size) - w.fresh
			w.fresh = int64(size)
		}
		return w.framer.WriteSettingsAck()
	case *http2.PingFrame:
		if f.IsAck() {
			return nil
		}
		return w.framer.WritePing(true, f.Data)
	case *http2.WindowUpdateFrame:
		which := 0
		if f.StreamID == streamID {
			which = 1
		}
		w.window[which] += int64(f.Increment)
	}
	return nil
}

// ended reads the trailers.
func ended(fields []hpack.HeaderField) error {
	status, message := "", ""
	for _, f := range fields {
		switch f.Name {
		case "grpc-status":
			status = f.Value
		case "grpc-message":
			message = f.Value
		}
	}
	if status == "0" {
		return io.EOF
	}
	return fmt.Errorf("the stream ended with gRPC status %s: %s", status, message)
}
