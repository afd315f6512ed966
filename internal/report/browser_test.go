//go:build unix

package report

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// -shots FOLDER keeps what the browser shows, to be looked at:
//
//	go test ./internal/report -run Browser -args -shots /tmp
//
// -page FILE shows that page instead of the test's own.
var (
	shots    = flag.String("shots", "", "write screenshots to this `folder`")
	pageFile = flag.String("page", "", "take screenshots of this `file`")
)

// TestPageInBrowser opens the page in Chromium on a phone and on a desk, in light and dark, and on paper: it must log and
// ask for nothing, have a mark for all that was measured, and never scroll sideways.
func TestPageInBrowser(t *testing.T) {
	c := startChromium(t)
	e := example(t, 2000, 6)
	grouped(t, e)
	path := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(render(t, e)), 0o666); err != nil {
		t.Fatal(err)
	}
	if *pageFile != "" {
		path, _ = filepath.Abs(*pageFile)
	}
	url := "file://" + path
	c.open(url)
	for _, v := range []struct {
		width int
		theme string
	}{{1280, "light"}, {1280, "dark"}, {360, "light"}, {360, "dark"}} {
		c.show(v.width, 800, v.theme)
		if found := c.complaints(url); found != nil {
			t.Errorf("%d pixels, %s: %q", v.width, v.theme, found)
		}
		var inner, outer int
		c.eval("document.documentElement.scrollWidth", &outer)
		c.eval("window.innerWidth", &inner)
		if inner != v.width || outer > inner {
			t.Errorf("the page is %d pixels wide in a window of %d, which shows %d", outer, v.width, inner)
		}
		checkThemes(t, c, v.theme)
		if *shots != "" {
			keep(t, fmt.Sprintf("%d-%s.png", v.width, v.theme), c.screenshot())
		}
	}
	if *pageFile == "" {
		checkMarks(t, c, e)
		checkAccess(t, c)
	}
	pdf := c.pdf()
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 20_000 {
		t.Errorf("the page prints to %d bytes", len(pdf))
	}
	keep(t, "print.pdf", pdf)
}

// keep writes a file for -shots.
func keep(t *testing.T, name string, data []byte) {
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name), data, 0o666); err != nil {
		t.Error(err)
	}
}

// checkThemes wants text and marks to stand out from the ground, by the theme's own colours.
func checkThemes(t *testing.T, c *chromium, theme string) {
	t.Helper()
	for _, selector := range []string{"body", ".chart text.f", ".chart text.m", ".chart path.m.curve", ".chart path.r.curve", ".chart path.i.bar:not(.l)", "figcaption"} {
		var contrast float64
		c.eval(fmt.Sprintf(`(() => {
			const light = s => { const [r, g, b] = s.match(/[\d.]+/g).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 }); return .2126*r + .7152*g + .0722*b }
			const e = document.querySelector(%q), s = getComputedStyle(e), ground = light(getComputedStyle(document.body).backgroundColor)
			const colour = light(e.matches("path.curve") ? s.stroke : e.matches("path,text") ? s.fill : s.color)
			return (Math.max(ground, colour) + .05) / (Math.min(ground, colour) + .05)
		})()`, selector), &contrast)
		least := 4.5
		if bytes.Contains([]byte(selector), []byte("path")) {
			least = 3 // WCAG 2.2, 1.4.11
		}
		if contrast < least {
			t.Errorf("%s: %s has a contrast of %.2f, want %v", theme, selector, contrast, least)
		}
	}
}

// checkMarks counts the marks of every chart against what was handed over.
func checkMarks(t *testing.T, c *chromium, e *Evaluation) {
	t.Helper()
	count := func(selector string) (n int) {
		c.eval(fmt.Sprintf("document.querySelectorAll(%q).length", selector), &n)
		return n
	}
	for i, own := range e.tested() {
		bars := 0
		for _, b := range append([]bin{own.histogram.under, own.histogram.over}, own.histogram.bins...) {
			if b.id > 0 {
				bars++
			}
			if b.ood > 0 {
				bars++
			}
		}
		section := fmt.Sprintf("#set%d ", i+1)
		for _, m := range []struct {
			selector string
			want     int
		}{
			{"figure", 3}, {".scores path.bar", bars}, {".roc path.curve", len(e.on(own.ood))}, {".pr path.curve", len(e.on(own.ood))},
			{".roc path.dot", 1}, {".pr path.dot", 1}, {"table.detectors tbody tr", len(e.on(own.ood))},
		} {
			if got := count(section + m.selector); got != m.want {
				t.Errorf("%s%s: %d marks, want %d", section, m.selector, got, m.want)
			}
		}
	}
	if got, want := count("#groups tbody td"), 6*2*4; got != want {
		t.Errorf("%d means over groups, want %d", got, want)
	}
	if got := count("#training path.curve"); got != 2 {
		t.Errorf("%d curves of the training, want 2", got)
	}
	shown, pictures := 0, 0
	for _, s := range e.Sets {
		for _, p := range append(s.Most, s.Least...) {
			pictures++
			if p.Image != nil {
				shown++
			}
		}
	}
	if got := count("#images img"); got != shown {
		t.Errorf("%d images, want %d", got, shown)
	}
	if got := count("#images li"); got != pictures {
		t.Errorf("%d images and places of images, want %d", got, pictures)
	}
	var broken int
	c.eval("[...document.images].filter(m => !m.complete || !m.naturalWidth).length", &broken)
	if broken > 0 {
		t.Errorf("%d images cannot be shown", broken)
	}
}

// checkAccess wants figures that say what they show and can be reached by keyboard, and no id twice.
func checkAccess(t *testing.T, c *chromium) {
	t.Helper()
	for what, expression := range map[string]string{
		"figures without a name":             `[...document.querySelectorAll("figure")].filter(f => f.tabIndex != 0 || !document.getElementById(f.getAttribute("aria-labelledby"))).length`,
		"charts without title and desc":      `[...document.querySelectorAll("figure svg")].filter(s => !s.querySelector("title").textContent || s.querySelector("desc").textContent.length < 40 || s.getAttribute("aria-labelledby").split(" ").some(id => !document.getElementById(id))).length`,
		"images without alt":                 `[...document.images].filter(m => !m.alt).length`,
		"boxes that scroll without keyboard": `[...document.querySelectorAll(".scroll")].filter(s => s.tabIndex != 0 || !s.getAttribute("aria-label")).length`,
		"ids that are there twice":           `(ids => ids.length - new Set(ids).size)([...document.querySelectorAll("[id]")].map(e => e.id))`,
		"links to nothing":                   `[...document.querySelectorAll('a[href^="#"]')].filter(a => !document.querySelector(a.getAttribute("href"))).length`,
		"tables without headings":            `[...document.querySelectorAll("table")].filter(t => !t.caption || !t.tHead || t.querySelector("th:not([scope])")).length`,
	} {
		var n int
		c.eval(expression, &n)
		if n > 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	var first string
	c.call("Input.dispatchKeyEvent", map[string]any{"type": "keyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}, nil)
	c.eval("document.activeElement.className", &first)
	if first != "skip" {
		t.Errorf("the first Tab goes to %q, want the skip link", first)
	}
}
