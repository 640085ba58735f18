package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quickfixgo/quickfix"
	"github.com/quickfixgo/quickfix/config"
	"github.com/quickfixgo/quickfix/store/file"
	"pgregory.net/rapid"
)

// fileStore is the FIX engine's own store on the same directory.
func fileStore(t *testing.T, dir string) quickfix.MessageStore {
	t.Helper()
	settings := quickfix.NewSettings()
	s := quickfix.NewSessionSettings()
	s.Set(config.BeginString, sessionID.BeginString)
	s.Set(config.SenderCompID, sessionID.SenderCompID)
	s.Set(config.TargetCompID, sessionID.TargetCompID)
	s.Set(config.FileStorePath, dir)
	s.Set(config.FileStoreSync, "N")
	if _, err := settings.AddSession(s); err != nil {
		t.Fatal(err)
	}
	store, err := file.NewStoreFactory(settings).Create(sessionID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// Directories that the FIX engine's own store wrote are gone on with, and the other way round.
func TestSequenceNumbersInTheFormOfTheFileStore(t *testing.T) {
	dir := t.TempDir()
	theirs := fileStore(t, dir)
	for range 41 {
		if err := theirs.IncrNextSenderMsgSeqNum(); err != nil {
			t.Fatal(err)
		}
	}
	if err := theirs.SetNextTargetMsgSeqNum(1234567); err != nil {
		t.Fatal(err)
	}
	if err := theirs.Close(); err != nil {
		t.Fatal(err)
	}
	ours, err := openSeqStore(dir, sessionID)
	if err != nil || ours.NextSenderMsgSeqNum() != 42 || ours.NextTargetMsgSeqNum() != 1234567 || !ours.CreationTime().Equal(theirs.CreationTime()) {
		t.Fatalf("%v: %d %d, begun %v, want %v", err, ours.NextSenderMsgSeqNum(), ours.NextTargetMsgSeqNum(), ours.CreationTime(), theirs.CreationTime())
	}
	if err := ours.IncrNextTargetMsgSeqNum(); err != nil {
		t.Fatal(err)
	}
	if err := ours.SaveMessageAndIncrNextSenderMsgSeqNum(42, []byte("m")); err != nil {
		t.Fatal(err)
	}
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	again := fileStore(t, dir)
	if again.NextSenderMsgSeqNum() != 43 || again.NextTargetMsgSeqNum() != 1234568 || !again.CreationTime().Equal(theirs.CreationTime()) {
		t.Errorf("read back %d %d", again.NextSenderMsgSeqNum(), again.NextTargetMsgSeqNum())
	}
	if messages, err := ours.GetMessages(1, 100); err != nil || len(messages) > 0 {
		t.Errorf("kept %v %v", messages, err)
	}
}

func TestSequenceNumbersSurviveAndStartAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "seq")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s, err := openSeqStore(dir, sessionID)
		defer func() { s.Close() }()
		sender, target := 1, 1
		for range rapid.IntRange(0, 30).Draw(t, "steps") {
			if err != nil {
				t.Fatal(err)
			}
			n := rapid.OneOf(rapid.IntRange(1, 1<<40), rapid.SampledFrom([]int{99_999_999, 199_999_999, 99_999_999_999})).Draw(t, "n")
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				err, sender = s.IncrNextSenderMsgSeqNum(), sender+1
			case 1:
				err, target = s.IncrNextTargetMsgSeqNum(), target+1
			case 2:
				err, sender = s.SetNextSenderMsgSeqNum(n), n
			case 3:
				err, target = s.SetNextTargetMsgSeqNum(n), n
			case 4:
				err, sender, target = s.Reset(), 1, 1
			case 5: // a kill: nothing is closed before the next begins
				before := s
				s, err = openSeqStore(dir, sessionID)
				defer before.Close()
			}
			if s.NextSenderMsgSeqNum() != sender || s.NextTargetMsgSeqNum() != target {
				t.Fatalf("%d %d, want %d %d", s.NextSenderMsgSeqNum(), s.NextTargetMsgSeqNum(), sender, target)
			}
		}
	})
}

func TestSpoiltSequenceNumbersAreNamed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "FIX.4.4-SIMVENUE-RISKD.senderseqnums")
	for _, text := range []string{"x", "0", "-1", "12 13", " 7", "99999999999999999999", "00000000000000000001"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openSeqStore(dir, sessionID); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzSequenceNumbers(f *testing.F) {
	f.Add([]byte("0000000000000000042"))
	f.Add([]byte("7\r\n"))
	f.Add([]byte("9223372036854775807"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := readSeqNum(data)
		if err != nil {
			return
		}
		digits := seqDigits(n)
		written := append(digits[:], data[min(len(data), len(digits)):]...) // over what the file holds
		if again, err := readSeqNum(written); n < 1 || err != nil || again != n {
			t.Fatalf("%q was %d, then %d %v", data, n, again, err)
		}
	})
}
