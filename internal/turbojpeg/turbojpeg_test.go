package turbojpeg

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/oodflow/oodflow/internal/dl"
)

func TestFind(t *testing.T) {
	if l, err := find(builtin); l != nil || err != nil {
		t.Errorf("%s: %v, %v", builtin, l, err)
	}
	missing := filepath.Join(t.TempDir(), "missing.so")
	if l, err := find(missing); l != nil || err == nil {
		t.Errorf("a library that is not there: %v, %v", l, err)
	}
	text := filepath.Join(t.TempDir(), "text.so")
	if err := os.WriteFile(text, []byte("no library"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := find(text); l != nil || err == nil || errors.Is(err, dl.ErrAbsent) {
		t.Errorf("a file that is no library: %v, %v", l, err)
	}
}

// TestDecode: what is no picture is refused, and a closed decoder decodes nothing.
func TestDecode(t *testing.T) {
	l, err := Use()
	if l == nil {
		t.Skipf("no libjpeg-turbo: %v", err)
	}
	d := l.New()
	defer d.Close()
	dst := make([]byte, 3*4*4)
	for _, file := range []string{"", "no picture", "\xff\xd8\xff", "\xff\xd8\xff\xe0\x00\x02\xff\xd9"} {
		if d.Decode(dst, []byte(file), 4, 4) {
			t.Errorf("%q is taken for a picture", file)
		}
	}
	d.Close()
	if d.Decode(dst, []byte("\xff\xd8"), 4, 4) {
		t.Error("a closed decoder decodes")
	}
}
