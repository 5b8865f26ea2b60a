// Who is asking: tokens, their refresh, their rejection.
//
// Spec: auth
// Not here: when a refresh is due (see refresh).

package core

import (
	"encoding/json"
	"fmt"
	"time"
)

type authState string

const (
	authNobody          authState = "nobody"
	authExpecting       authState = "expecting"
	authFetching        authState = "fetching"
	authFetchingForced  authState = "fetching forced"
	authConfirmingCache authState = "confirming cached"
	authConfirmingFresh authState = "confirming fresh"
	authValid           authState = "valid"
	authRefreshing      authState = "refreshing"
	authReplacing       authState = "replacing"
	authAdmin           authState = "admin"
	authFailed          authState = "failed"
)

type authEvent string

const (
	onSetFetcher authEvent = "set fetcher"
	onSetToken   authEvent = "set token"
	onSetAdmin   authEvent = "set admin"
	onClear      authEvent = "clear"
	onToken      authEvent = "token"
	onSame       authEvent = "same"
	onNothing    authEvent = "nothing"
	onConfirmed  authEvent = "confirmed"
	onRefused    authEvent = "refused"
	onRefusedEnd authEvent = "refused for good"
	onRefreshDue authEvent = "refresh due"
)

type authEffect string

const (
	noEffect      authEffect = "none"
	fetchFirst    authEffect = "fetch without force"
	fetchForced   authEffect = "fetch with force"
	authenticate  authEffect = "Authenticate"
	goOnAsNobody  authEffect = "go on as nobody; tell the application"
	giveUpToken   authEffect = "go on as nobody; tell the application; the server closes"
	beNobody      authEffect = "go on as nobody"
	confirm       authEffect = "tell the application once; refresh ahead of expiry"
	confirmAdmin  authEffect = "tell the application once"
	replaceByNew  authEffect = "fetch with force; count the refusal of a forced token"
	keepTheToken  authEffect = "keep the token; no refresh by the clock"
	awaitTheFetch authEffect = "the fetch that runs is the answer"
)

type authCell struct {
	next   authState
	effect authEffect
}

type authRow map[authEvent]authCell

// row adds what the user can do, which is the same in every state. A cell that is missing is impossible.
func row(own authRow) authRow {
	own[onSetFetcher] = authCell{authFetching, fetchFirst}
	own[onSetToken] = authCell{authConfirmingFresh, authenticate}
	own[onSetAdmin] = authCell{authAdmin, authenticate}
	own[onClear] = authCell{authNobody, beNobody}
	return own
}

var authTable = map[authState]authRow{
	authNobody: row(authRow{
		onConfirmed: {authNobody, noEffect}, onRefused: {authNobody, noEffect}, onRefusedEnd: {authNobody, noEffect}}),
	authExpecting: row(authRow{}),
	authFetching: row(authRow{
		onToken: {authConfirmingCache, authenticate}, onNothing: {authFetchingForced, fetchForced},
		onConfirmed: {authFetching, noEffect}, onRefused: {authFetching, awaitTheFetch}, onRefusedEnd: {authFetching, awaitTheFetch}}),
	authFetchingForced: row(authRow{
		onToken: {authConfirmingFresh, authenticate}, onSame: {authValid, keepTheToken}, onNothing: {authFailed, goOnAsNobody},
		onConfirmed: {authFetchingForced, noEffect}, onRefused: {authFetchingForced, awaitTheFetch}, onRefusedEnd: {authFetchingForced, awaitTheFetch}}),
	authConfirmingCache: row(authRow{
		onConfirmed: {authValid, confirm}, onRefused: {authReplacing, replaceByNew}, onRefusedEnd: {authFailed, giveUpToken}}),
	authConfirmingFresh: row(authRow{
		onConfirmed: {authValid, confirm}, onRefused: {authReplacing, replaceByNew}, onRefusedEnd: {authFailed, giveUpToken}}),
	authValid: row(authRow{
		onConfirmed: {authValid, noEffect}, onRefused: {authReplacing, replaceByNew}, onRefusedEnd: {authFailed, giveUpToken},
		onRefreshDue: {authRefreshing, fetchForced}}),
	authRefreshing: row(authRow{
		onToken: {authConfirmingFresh, authenticate}, onSame: {authValid, keepTheToken}, onNothing: {authFailed, goOnAsNobody},
		onConfirmed: {authRefreshing, noEffect}, onRefused: {authReplacing, awaitTheFetch}, onRefusedEnd: {authFailed, giveUpToken}}),
	authReplacing: row(authRow{
		onToken: {authConfirmingFresh, authenticate}, onSame: {authFailed, goOnAsNobody}, onNothing: {authFailed, goOnAsNobody}}),
	authAdmin: row(authRow{
		onConfirmed: {authAdmin, confirmAdmin}, onRefused: {authFailed, giveUpToken}, onRefusedEnd: {authFailed, giveUpToken}}),
	authFailed: row(authRow{
		onConfirmed: {authFailed, noEffect}, onRefused: {authFailed, noEffect}, onRefusedEnd: {authFailed, noEffect}}),
}

// maxRefusals is how many forced tokens in succession may be refused ([auth.attempts-bound]).
const maxRefusals = 3

// identity is what an Authenticate says; the zero identity is nobody.
type identity struct {
	kind          string // "", "User" or "Admin"
	token         string
	impersonating json.RawMessage
}

type auth struct {
	state         authState
	want          identity
	forced        bool // want was fetched with force, or given
	fetcher       bool
	fetchDeadline time.Duration
	leeway        time.Duration

	fetches    int  // numbers given so far
	running    int  // the number of the fetch that counts, or 0
	force      bool // of the running fetch
	fetchDue   time.Time
	refreshDue time.Time
	refusals   int
	told       bool // the application knows that it is authenticated

	// Of this connection:
	sent        uint32 // Authenticate messages
	confirmed   uint32 // the identity version
	serverKnows bool   // the newest of them named somebody
	changed     bool   // want differs from what was sent
	ignoredOnce bool   // survives the connection, until a confirmation
}

// step runs the machine and hands back what the outside has to do.
func (a *auth) step(event authEvent, now time.Time, claims *lifetime) []Effect {
	cell, possible := authTable[a.state][event]
	if !possible {
		panic(fmt.Sprintf("auth: %s in %s is impossible", event, a.state))
	}
	a.state = cell.next
	switch cell.effect {
	case fetchFirst:
		return a.fetch(false, now)
	case fetchForced:
		return a.fetch(true, now)
	case authenticate:
		a.changed = true
	case beNobody:
		a.lose()
	case goOnAsNobody, giveUpToken:
		// [auth.fetch-null] [auth.none-on-loss] After a refusal the server hears nothing more.
		a.lose()
		a.changed = cell.effect == goOnAsNobody
		a.told = false
		return []Effect{AuthChanged{false}}
	case confirm, confirmAdmin:
		return a.confirm(cell.effect == confirm, now, claims)
	case replaceByNew:
		if a.forced {
			a.refusals++
		}
		a.refreshDue = time.Time{}
		// [auth.update-refetch]
		return a.fetch(true, now)
	case keepTheToken:
		// The application has not been told since it set the fetcher anew, and no confirmation will come.
		if a.sent > 0 && a.confirmed >= a.sent {
			return a.tell()
		}
	}
	return nil
}

func (a *auth) fetch(force bool, now time.Time) []Effect {
	a.fetches++
	// [auth.fetch-deadline]
	a.running, a.force, a.fetchDue = a.fetches, force, now.Add(a.fetchDeadline)
	return []Effect{FetchToken{a.running, force}}
}

func (a *auth) stopFetch() {
	// [auth.race-guard] [auth.clear-stops]
	a.running, a.fetchDue, a.refreshDue = 0, time.Time{}, time.Time{}
}

func (a *auth) lose() {
	a.stopFetch()
	a.want, a.changed, a.fetcher = identity{}, true, false
}

func (a *auth) confirm(user bool, now time.Time, claims *lifetime) []Effect {
	if a.forced {
		a.refusals = 0
	}
	a.ignoredOnce = false
	if user && a.fetcher {
		// [auth.refresh-ahead]
		if delay, ever := claims.refreshDelay(a.forced, a.leeway); ever {
			a.refreshDue = now.Add(delay)
		}
	}
	return a.tell()
}

// tell says once that we are authenticated ([auth.on-change]).
func (a *auth) tell() []Effect {
	if a.told {
		return nil
	}
	a.told = true
	return []Effect{AuthChanged{true}}
}

// holds says that nothing may be sent ([auth.pause-while-fetching]).
func (a *auth) holds() bool {
	return a.state == authExpecting || a.state == authFetching || a.state == authFetchingForced
}

func (a *auth) setFetcher(now time.Time) []Effect {
	a.stopFetch()
	a.fetcher, a.told, a.refusals, a.ignoredOnce = true, false, 0, false
	return a.step(onSetFetcher, now, nil)
}

// set gives one identity for good; clear is set with nobody.
func (a *auth) set(event authEvent, who identity, now time.Time) []Effect {
	a.stopFetch()
	a.want, a.forced, a.fetcher = who, true, false
	a.told, a.refusals, a.ignoredOnce = false, 0, false
	return a.step(event, now, nil)
}

// fetched takes what a fetch has returned; nil and "" are nothing.
func (a *auth) fetched(number int, token string, now time.Time) []Effect {
	// [auth.race-guard]
	if number == 0 || number != a.running {
		return nil
	}
	a.running, a.fetchDue = 0, time.Time{}
	if token == "" {
		return a.step(onNothing, now, nil)
	}
	// [auth.same-token] After a refusal, the table takes the same token for nothing.
	if a.force && a.want.kind == "User" && token == a.want.token {
		return a.step(onSame, now, nil)
	}
	a.want, a.forced = identity{kind: "User", token: token}, a.force
	return a.step(onToken, now, nil)
}

// due runs what the clock brings.
func (a *auth) due(now time.Time) (effects []Effect) {
	if !a.fetchDue.IsZero() && !now.Before(a.fetchDue) {
		effects = append(effects, a.fetched(a.running, "", now)...)
	}
	if !a.refreshDue.IsZero() && !now.Before(a.refreshDue) {
		a.refreshDue = time.Time{}
		effects = append(effects, a.step(onRefreshDue, now, nil)...)
	}
	return effects
}

// moved takes the identity version of a Transition.
func (a *auth) moved(version uint32, now time.Time, skewMs *float64) []Effect {
	raised := version > a.confirmed
	a.confirmed = version
	// [auth.confirmation] What has not been sent yet cannot be meant.
	if !raised || a.sent == 0 || version < a.sent || a.changed {
		return nil
	}
	return a.step(onConfirmed, now, readLifetime(a.want.token, now, skewMs))
}

// refused takes an AuthError.
func (a *auth) refused(message authError, now time.Time) []Effect {
	// An AuthError on a connection that has said nothing about its identity is about nothing of ours.
	if a.sent == 0 {
		return nil
	}
	// [auth.stale-error]
	if message.base != nil && uint64(*message.base)+1 < uint64(a.sent) {
		return nil
	}
	// [auth.ignore-while-fresh]
	if !message.attempted && a.confirmed < a.sent && !a.ignoredOnce {
		a.ignoredOnce = true
		return nil
	}
	event := onRefused
	// [auth.attempts-bound]
	if !a.fetcher || (a.forced && a.refusals+1 >= maxRefusals) {
		event = onRefusedEnd
	}
	return a.step(event, now, nil)
}

// lost starts the numbers of the next connection at zero.
func (a *auth) lost() {
	a.sent, a.confirmed, a.serverKnows = 0, 0, false
	a.changed = true
}

// flush gives the Authenticate that is due, if one is.
func (a *auth) flush() *authenticateMessage {
	if !a.changed {
		return nil
	}
	a.changed = false
	message := &authenticateMessage{"Authenticate", a.sent, a.want.kind, a.want.token, a.want.impersonating}
	if a.want.kind == "" {
		if !a.serverKnows {
			return nil
		}
		// [auth.clear] [auth.none-on-loss]
		message.TokenType = "None"
	}
	// [auth.base-version] [auth.admin]
	a.sent++
	a.serverKnows = a.want.kind != ""
	return message
}
