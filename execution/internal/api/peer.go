// Package api serves the gRPC contract on a Unix socket, to callers of omsd's own user only.
package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/credentials"
)

// ErrNotPermitted is why a caller of another user gets no connection.
var ErrNotPermitted = errors.New("caller is not permitted")

// PeerCredentials are gRPC transport credentials that ask the kernel who is at the other end of a Unix socket
// (SO_PEERCRED) and let in one user only. They encrypt nothing: the socket does not leave the machine.
type PeerCredentials struct {
	UID uint32
	Log *slog.Logger
	// ask is how the kernel is asked; tests answer as another user.
	ask func(*net.UnixConn) (*unix.Ucred, error)
}

// PeerInfo is what is known of a caller.
type PeerInfo struct {
	credentials.CommonAuthInfo
	UID uint32
	PID int32
}

// AuthType names the way of authentication.
func (PeerInfo) AuthType() string { return "so_peercred" }

// ServerHandshake lets the connection in, or says why not.
func (p PeerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	uc, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, nil, fmt.Errorf("%w: not a Unix socket", ErrNotPermitted)
	}
	ask := p.ask
	if ask == nil {
		ask = peerOf
	}
	cred, err := ask(uc)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: the kernel does not say who calls: %w", ErrNotPermitted, err)
	}
	if cred.Uid != p.UID {
		p.Log.Error("a caller of another user was turned away", "uid", cred.Uid, "pid", cred.Pid, "want_uid", p.UID)
		return nil, nil, fmt.Errorf("%w: uid %d called, only uid %d may", ErrNotPermitted, cred.Uid, p.UID)
	}
	info := PeerInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, UID: cred.Uid, PID: cred.Pid}
	return conn, info, nil
}

func peerOf(conn *net.UnixConn) (*unix.Ucred, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var got error
	err = raw.Control(func(fd uintptr) { cred, got = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	return cred, errors.Join(err, got)
}

// ClientHandshake is not offered: omsd is a server.
func (p PeerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("peer credentials are for servers")
}

// Info describes the protocol.
func (p PeerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "so_peercred"}
}

// Clone copies the credentials.
func (p PeerCredentials) Clone() credentials.TransportCredentials { return p }

// OverrideServerName does nothing: a Unix socket has no server name.
func (p PeerCredentials) OverrideServerName(string) error { return nil }
