package fetch

import (
	"fmt"
	"net/http"
	"time"
)

// A MismatchError is a file that is not the published one. It never gets its final name.
type MismatchError struct {
	Where    string // the address, or the path of a file that was there already
	What     string // "size", "MD5" or "SHA-256"
	Want     string
	Got      string
	Existing bool // Where is a path
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("%s: not the published file: %s is %s, expected %s", e.Where, e.What, e.Got, e.Want)
}

// A PageError is a web page in place of the file: a login form, a proxy's notice.
type PageError struct{ URL string }

func (e *PageError) Error() string { return e.URL + ": sent a web page instead of the file" }

// A StatusError is a server's refusal.
type StatusError struct {
	URL   string
	Code  int
	After time.Duration // what the server asks to wait before the next try; 0: it does not say
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.URL, e.Code, http.StatusText(e.Code))
}

// A RedirectError is a redirect that is not followed.
type RedirectError struct{ From, To, Why string }

func (e *RedirectError) Error() string {
	return fmt.Sprintf("%s: redirect to %s: %s", e.From, e.To, e.Why)
}

// A BusyError tells that another process is fetching the file.
type BusyError struct{ Path string }

func (e *BusyError) Error() string { return e.Path + ": another oodflow fetch is writing it" }

// A TriesError is the last of a row of failures without progress.
type TriesError struct {
	Tries int
	Err   error
}

func (e *TriesError) Error() string { return fmt.Sprintf("%v (try %d, the last)", e.Err, e.Tries) }
func (e *TriesError) Unwrap() error { return e.Err }

// A PartialError is any failure that left bytes from which the next fetch goes on.
type PartialError struct {
	Path string // of the partial file
	Have int64
	Want int64
	Err  error
}

func (e *PartialError) Error() string { return e.Err.Error() }
func (e *PartialError) Unwrap() error { return e.Err }
