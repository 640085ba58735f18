package feed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"dnalyaw/execution/internal/jsonlog"
)

// ClientOptions are the settings of a live feed.
type ClientOptions struct {
	Network, Address string        // "unix" and a path, or "tcp" and host:port
	Silence          time.Duration // so long without a frame and the line is given up; 0: three of the server's heartbeats
	MinBackoff       time.Duration // wait before the second try; doubled each time. 0: 50 ms
	MaxBackoff       time.Duration // 0: 5 s
	Attempts         int           // tries in a row before the feed fails; 0: until the context ends
	Log              *slog.Logger  // nil: none
}

// Client is the live feed's end at the consumer. A lost or silent line becomes StatusDown, and the client dials again;
// a hole in the numbers becomes StatusGap, and the client asks for a snapshot. A snapshot's quotes bear FlagSnapshot and
// end with StatusSync. Everything that came over the line is handed on, repeats included: the gate refuses and counts.
// RecvNs is the server's clock when it sent: a replay has a time of its own.
type Client struct {
	opt     ClientOptions
	ctx     context.Context
	want    choice
	chosen  bool
	conn    net.Conn
	in      *bufio.Reader
	stop    func() bool // unhooks the context from the connection
	silence time.Duration
	names   map[int64]string
	sources []string
	texts   interner
	last    uint64 // the highest number of this subscription
	clock   int64  // the server's, as last heard
	asked   bool   // for a snapshot that has not come yet
	pending [2]Quote
	waiting int
	ended   bool
	err     error
	out     []byte
}

// NewClient returns a feed that is not connected yet.
func NewClient(opt ClientOptions) *Client {
	if opt.MinBackoff <= 0 {
		opt.MinBackoff = 50 * time.Millisecond
	}
	if opt.MaxBackoff < opt.MinBackoff {
		opt.MaxBackoff = max(5*time.Second, opt.MinBackoff)
	}
	if opt.Log == nil {
		opt.Log = jsonlog.Discard()
	}
	return &Client{opt: opt, names: map[int64]string{}}
}

// Connect dials until there is a server, the tries are used up or the context ends. The context also ends Next.
func (c *Client) Connect(ctx context.Context) error {
	c.ctx, c.err, c.ended, c.waiting = ctx, nil, false, 0
	return c.dial()
}

// Subscribe chooses the instruments and asks for a snapshot of them.
func (c *Client) Subscribe(ids ...int64) (err error) {
	if c.ctx == nil {
		return ErrNotConnected
	}
	if c.want, err = chosen(ids); err != nil {
		return err
	}
	c.chosen = true
	if c.conn == nil {
		return nil // the next dial subscribes
	}
	return c.subscribe()
}

func (c *Client) subscribe() error {
	c.last, c.asked = 0, true
	return c.send(appendSubscribe(c.out[:0], c.want.ids()))
}

func (c *Client) send(frames []byte) error {
	c.out = frames
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.silence)); err != nil {
		return err
	}
	_, err := c.conn.Write(frames)
	return err
}

// dial connects, waiting longer after each failure, and subscribes again what was subscribed.
func (c *Client) dial() error {
	wait := c.opt.MinBackoff
	for try := 1; ; try++ {
		err := c.connect()
		if err == nil && c.chosen {
			if err = c.subscribe(); err != nil {
				c.hangUp()
			}
		}
		if err == nil {
			return nil
		}
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		if c.opt.Attempts > 0 && try >= c.opt.Attempts {
			return fmt.Errorf("feed server %s: %w; given up after %d tries", c.opt.Address, err, try)
		}
		c.opt.Log.Warn("feed server is away", "address", c.opt.Address, "error", err.Error(), "try", try, "wait_ms", wait.Milliseconds())
		timer := time.NewTimer(wait)
		select {
		case <-c.ctx.Done():
			timer.Stop()
			return context.Cause(c.ctx)
		case <-timer.C:
		}
		wait = min(2*wait, c.opt.MaxBackoff)
	}
}

// helloWithin is how long a server may take to say who it is.
const helloWithin = 10 * time.Second

func (c *Client) connect() error {
	dialer := net.Dialer{Timeout: helloWithin}
	conn, err := dialer.DialContext(c.ctx, c.opt.Network, c.opt.Address)
	if err != nil {
		return err
	}
	c.conn, c.in = conn, bufio.NewReaderSize(conn, 2*frameMost)
	c.stop = context.AfterFunc(c.ctx, func() { conn.Close() })
	c.silence = helloWithin
	f, err := c.frame()
	if err == nil {
		var h hello
		if h, err = parseHello(f); err == nil {
			c.clock, c.sources = f.clock, c.sources[:0]
			c.silence = c.opt.Silence
			if c.silence <= 0 {
				c.silence = 3 * time.Duration(h.heartbeat) * time.Millisecond
			}
			return nil
		}
	}
	c.hangUp()
	return err
}

func (c *Client) hangUp() {
	if c.conn != nil {
		c.stop()
		c.conn.Close() // it is given up already: there is nobody left to tell
		c.conn, c.in = nil, nil
	}
}

// frame reads the next one. Its body holds until the next call.
func (c *Client) frame() (frame, error) {
	head, err := c.peek(frameHeader)
	if err != nil {
		return frame{}, err
	}
	n, err := frameLen(head)
	if err != nil {
		return frame{}, err
	}
	raw, err := c.peek(n)
	if err != nil {
		return frame{}, err
	}
	f, err := parseFrame(raw)
	if err != nil {
		return frame{}, err
	}
	_, err = c.in.Discard(n) // the buffer keeps the bytes until it is filled again
	return f, err
}

func (c *Client) peek(n int) ([]byte, error) {
	if c.in.Buffered() < n {
		if err := c.conn.SetReadDeadline(time.Now().Add(c.silence)); err != nil {
			return nil, err
		}
	}
	b, err := c.in.Peek(n)
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed the connection")
	}
	return b, err
}

// Next waits for what comes next.
func (c *Client) Next(q *Quote) bool {
	if c.ctx == nil || !c.chosen {
		c.err = ErrNotConnected
	}
	for c.err == nil {
		if c.waiting > 0 {
			*q = c.pending[0]
			c.waiting--
			c.pending[0] = c.pending[1]
			return true
		}
		if c.ended {
			return false
		}
		if c.conn == nil {
			if c.err = c.dial(); c.err != nil {
				break
			}
		}
		f, err := c.frame()
		told := false
		if err == nil {
			told, err = c.take(f, q)
		}
		if err != nil {
			return c.lost(err, q)
		}
		if told {
			return true
		}
	}
	return false
}

// lost gives the line up and tells so; the next call dials.
func (c *Client) lost(err error, q *Quote) bool {
	c.hangUp()
	if c.ctx.Err() != nil {
		c.err = context.Cause(c.ctx)
	}
	if c.err != nil {
		return false
	}
	c.opt.Log.Warn("feed line lost", "address", c.opt.Address, "error", err.Error(), "seq", c.last)
	*q = Quote{TsNs: c.clock, RecvNs: c.clock, Seq: c.last, Kind: KindStatus, Status: StatusDown}
	return true
}

// Err is what ended the stream, nil after StatusEnd.
func (c *Client) Err() error { return c.err }

// Symbol is the instrument's symbol as the server names it.
func (c *Client) Symbol(id int64) string { return c.names[id] }

// Close hangs up.
func (c *Client) Close() error {
	c.hangUp()
	c.ctx = nil
	return nil
}
