package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"

	"convnet/examples/draw/inspect"
	"convnet/examples/draw/page"
)

// handler returns the handler of all requests: the files of the page, and what the page asks
// for.
func handler(inspector *inspect.Inspector) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page.Files))
	mux.HandleFunc("POST /{path}", respond(inspector.Respond))
	return guard(mux)
}

// policy lets the page load what comes from this server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard refuses requests that don't come from the page: those addressed to a name that isn't
// this machine's own (a foreign page can make its name resolve to this machine), and those
// sent by a page of another origin.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.Trim(host, "[]")                       // around an IPv6 address without a port
		host = strings.ToLower(strings.TrimSuffix(host, ".")) // LOCALHOST and localhost. are the same name
		if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() {
			respondError(w, http.StatusForbidden, fmt.Errorf("the host is %.100q, want localhost or a loopback address", r.Host))
			return
		}
		origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
		foreign := site != "" && site != "same-origin" && site != "none" || origin != "" && !strings.EqualFold(origin, "http://"+r.Host)
		if foreign && (r.Method != http.MethodGet || r.URL.Path != "/") { // a link to the page does no harm
			respondError(w, http.StatusForbidden, fmt.Errorf("the request comes from %.100q, want one from this page", origin))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxBody limits the body of a request: the page's 2,000 points are about 30 kB.
const maxBody = 1 << 18

// respond returns a handler of requests to f: a path and a body, JSON both ways.
func respond(f func(ctx context.Context, path string, body []byte) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
			respondError(w, http.StatusUnsupportedMediaType, fmt.Errorf("the content type is %.100q, want application/json", r.Header.Get("Content-Type")))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
			respondError(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the request is longer than %d bytes, want at most that many", maxBody))
			return
		}
		if err != nil {
			respondError(w, http.StatusBadRequest, fmt.Errorf("the request: %w", err))
			return
		}
		response, err := f(r.Context(), r.PathValue("path"), body)
		var refused inspect.Error
		switch {
		case errors.As(err, &refused):
			respondError(w, refused.Status, refused)
		case err != nil:
			respondError(w, http.StatusInternalServerError, err)
		default:
			w.Header().Set("Content-Type", "application/json")
			w.Write(response)
		}
	}
}

func respondError(w http.ResponseWriter, status int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": err.Error()}) // if the client has gone, nobody needs it
}
