package core

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSecrets looks for a token in everything that a program might print.
func TestSecrets(t *testing.T) {
	m := Moment{time.Unix(1755000000, 0), 0.5}
	session := NewSession("123e4567-e89b-42d3-a456-426614174000", Options{})
	session.Start(m)
	session.SetToken("very-secret", m)
	session.Opened(m)
	effects := session.TakeEffects()
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(form+form, session, effects); strings.Contains(text, "very-secret") {
			t.Errorf("%s shows the token: %s", form, text)
		}
	}
}

// TestOpeningOrder sees Connect, Authenticate, ModifyQuerySet and the requests in this order.
func TestOpeningOrder(t *testing.T) {
	m := Moment{time.Unix(1755000000, 0), 0.5}
	session := NewSession("123e4567-e89b-42d3-a456-426614174000", Options{})
	session.Start(m)
	session.SetToken("token", m)
	must(t, session.Subscribe("a", "messages:list", nil, m))
	for _, action := range []bool{false, true} {
		if _, err := session.Call(action, "messages:send", nil, m); err != nil {
			t.Fatal(err)
		}
	}
	session.Opened(m)
	var kinds []string
	for _, effect := range session.TakeEffects() {
		if sent, right := effect.(Send); right {
			object, err := readObject([]byte(sent.Text))
			must(t, err)
			kind, err := read[string](object, "type")
			must(t, err)
			kinds = append(kinds, kind)
		}
	}
	if got := strings.Join(kinds, " "); got != "Connect Authenticate ModifyQuerySet Mutation Action" {
		t.Error(got)
	}
}
