//go:build unix

package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// chromium is a headless browser, spoken to in the DevTools protocol over a pipe: JSON messages that end in a zero byte
// (https://chromedevtools.github.io/devtools-protocol/, --remote-debugging-pipe).
type chromium struct {
	t       *testing.T
	to      *os.File
	from    *bufio.Reader
	last    int
	session string
	events  []message // of the page, since they were last taken
}

type message struct {
	ID     int             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
	Session string `json:"sessionId,omitempty"`
}

// startChromium starts the browser with an empty page, or skips the test where there is none.
func startChromium(t *testing.T) *chromium {
	t.Helper()
	path, err := findChromium()
	if err != nil {
		t.Skip(err)
	}
	toRead, toWrite, err1 := os.Pipe()
	fromRead, fromWrite, err2 := os.Pipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	args := []string{"--headless", "--remote-debugging-pipe", "--user-data-dir=" + t.TempDir(), "--disable-gpu", "--hide-scrollbars",
		"--no-first-run", "--disable-extensions", "--disable-dev-shm-usage", "--disable-background-networking"}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // there is none for root
	}
	cmd := exec.Command(path, append(args, "about:blank")...)
	cmd.ExtraFiles = []*os.File{toRead, fromWrite} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	toRead.Close()
	fromWrite.Close()
	deadline := time.AfterFunc(2*time.Minute, func() { cmd.Process.Kill() })
	c := &chromium{t: t, to: toWrite, from: bufio.NewReader(fromRead)}
	t.Cleanup(func() {
		c.session = ""
		c.call("Browser.close", nil, nil)
		cmd.Wait()
		deadline.Stop()
		toWrite.Close()
		fromRead.Close()
	})
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Network", "Log"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

// findChromium looks for the browser by its usual names; $CHROMIUM names another.
func findChromium() (string, error) {
	if path := os.Getenv("CHROMIUM"); path != "" {
		return path, nil
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("there is no Chromium to look at the page with")
}

// call sends a command and waits for its result; events that come in between are kept.
func (c *chromium) call(method string, params, result any) {
	c.t.Helper()
	c.last++
	m := message{ID: c.last, Method: method, Session: c.session}
	if params != nil {
		m.Params, _ = json.Marshal(params)
	}
	data, err := json.Marshal(m)
	if err == nil {
		_, err = c.to.Write(append(data, 0))
	}
	if err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	for {
		m := c.read()
		if m.ID != c.last {
			continue
		}
		if m.Error != nil {
			c.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				c.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

func (c *chromium) read() message {
	c.t.Helper()
	data, err := c.from.ReadBytes(0)
	var m message
	if err == nil {
		err = json.Unmarshal(bytes.TrimSuffix(data, []byte{0}), &m)
	}
	if err != nil {
		c.t.Fatalf("read from the browser: %v", err)
	}
	if m.Method != "" && m.Session == c.session {
		c.events = append(c.events, m)
	}
	return m
}

// open goes to an address and waits until all is loaded.
func (c *chromium) open(url string) {
	c.t.Helper()
	c.events = nil
	c.call("Page.navigate", map[string]any{"url": url}, nil)
	for {
		for _, e := range c.events {
			if e.Method == "Page.loadEventFired" {
				return
			}
		}
		c.read()
	}
}

// eval returns the value of an expression on the page.
func (c *chromium) eval(expression string, value any) {
	c.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Text string }
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		c.t.Fatalf("%s: %s", expression, r.ExceptionDetails.Text)
	}
	if err := json.Unmarshal(r.Result.Value, value); err != nil {
		c.t.Fatalf("%s: %v", expression, err)
	}
}

// complaints are the errors and warnings in the console, exceptions, and requests for anything but the page at url and
// data in it.
func (c *chromium) complaints(url string) (found []string) {
	for _, e := range c.events {
		var p struct {
			Type             string
			Entry            struct{ Level, Text, URL string }
			Request          struct{ URL string }
			ExceptionDetails struct{ Text string }
			Args             []struct{ Value any }
		}
		json.Unmarshal(e.Params, &p)
		switch e.Method {
		case "Runtime.consoleAPICalled":
			found = append(found, fmt.Sprintf("console.%s %v", p.Type, p.Args))
		case "Runtime.exceptionThrown":
			found = append(found, "exception: "+p.ExceptionDetails.Text)
		case "Log.entryAdded":
			found = append(found, p.Entry.Level+": "+p.Entry.Text+" "+p.Entry.URL)
		case "Network.requestWillBeSent":
			if p.Request.URL != url && !bytes.HasPrefix([]byte(p.Request.URL), []byte("data:")) {
				found = append(found, "request for "+p.Request.URL)
			}
		}
	}
	return found
}

// show sets the size of the window and the theme, "light" or "dark".
func (c *chromium) show(width, height int, theme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 600}, nil)
	c.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": theme}}}, nil)
}

// screenshot returns the whole page as PNG.
func (c *chromium) screenshot() []byte {
	c.t.Helper()
	var r struct{ Data []byte }
	c.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &r)
	return r.Data
}

// pdf prints the page.
func (c *chromium) pdf() []byte {
	c.t.Helper()
	var r struct{ Data []byte }
	c.call("Page.printToPDF", map[string]any{"printBackground": true, "preferCSSPageSize": true}, &r)
	return r.Data
}
