// Package tap writes the Test Anything Protocol: what the validation programs call, whose own library Debian lacks.
package tap

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// T counts the assertions of one program, and writes a line for each.
type T struct {
	Writer io.Writer
	count  *int
	todo   bool
}

// New returns a T that writes to standard output.
func New() *T {
	return &T{count: new(int)}
}

func (t *T) line(text string) {
	var out io.Writer = os.Stdout
	if t.Writer != nil {
		out = t.Writer
	}
	fmt.Fprintln(out, text)
}

// Header writes the version, and the plan when the number of assertions is known already.
func (t *T) Header(count int) {
	t.line("TAP version 13")
	if count > 0 {
		t.line(fmt.Sprintf("1..%d", count))
	}
}

// AutoPlan writes the plan after the assertions: as many as there were.
func (t *T) AutoPlan() {
	t.line(fmt.Sprintf("1..%d", *t.count))
}

// Ok writes one assertion, which has a line to itself.
func (t *T) Ok(passed bool, description string) {
	verdict := "ok"
	if !passed {
		verdict = "not ok"
	}
	mark := "-"
	if t.todo {
		mark = "# TODO"
	}
	*t.count++
	t.line(fmt.Sprintf("%s %d %s %s", verdict, *t.count, mark, strings.ReplaceAll(description, "\n", " ")))
}

// Pass is an assertion that holds.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail is an assertion that does not hold.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip stands for `count` assertions that could not be made.
func (t *T) Skip(count int, description string) {
	for ; count > 0; count-- {
		*t.count++
		t.line(fmt.Sprintf("ok %d # SKIP %s", *t.count, description))
	}
}

// Todo returns a T for assertions that may fail.
func (t *T) Todo() *T {
	return &T{Writer: t.Writer, count: t.count, todo: true}
}

// Diagnostic writes a remark.
func (t *T) Diagnostic(message string) {
	t.line("# " + strings.ReplaceAll(message, "\n", "\n# "))
}

// Diagnosticf writes a formatted remark.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML writes a value below the last assertion, as JSON, which is YAML too.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err == nil {
		t.line("  ---\n  " + string(text) + "\n  ...")
	}
	return err
}
