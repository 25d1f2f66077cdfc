package admin

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const maxBody = 4 << 10 // bytes

// fault is a refusal as it is told: {"error":{"code","message"}}.
type fault struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *fault) Error() string { return f.Message }

func faultf(status int, code, format string, args ...any) *fault {
	return &fault{status, code, fmt.Sprintf(format, args...)}
}

func malformedf(format string, args ...any) *fault {
	return faultf(http.StatusBadRequest, "malformed", format, args...)
}

func refuse(w http.ResponseWriter, f *fault) {
	answer(w, f.status, struct {
		Error *fault `json:"error"`
	}{f})
}

func answer(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil { // a member's name or metadata that the hub should have refused
		status, text = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"The answer can't be written as JSON."}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(text, '\n'))
}

// readBody decodes a request's body into v, a pointer to a struct. A request
// without a body leaves v as it is.
func readBody(w http.ResponseWriter, r *http.Request, v any) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return faultf(http.StatusRequestEntityTooLarge, "too-big", "A request may have %d bytes.", maxBody)
	case err != nil:
		return malformedf("The request didn't come whole within %s.", bodyWait)
	case len(data) == 0:
		return nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return faultf(http.StatusUnsupportedMediaType, "type", "Send JSON, with Content-Type: application/json.")
	}
	return decode(data, v)
}

// decode takes one JSON object, with no members but those of v.
func decode(data []byte, v any) error {
	if kind := jsontext.Value(data).Kind(); kind != '{' {
		return malformedf("The request must be a JSON object.")
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
		return malformedf("That is no request of this kind: %v.", err)
	}
	return nil
}

// readQuery takes each known parameter once, and no others: a misspelt one
// would be left out in silence.
func readQuery(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, malformedf("What stands after ? can't be read: %v.", err)
	}
	for name, all := range values {
		if !slices.Contains(known, name) {
			takes := "none"
			if len(known) > 0 {
				takes = strings.Join(known, " and ")
			}
			return nil, malformedf("There is no parameter %.40q; this path takes %s.", name, takes)
		}
		if len(all) > 1 {
			return nil, malformedf("The parameter %s may stand there once.", name)
		}
	}
	return values, nil
}
