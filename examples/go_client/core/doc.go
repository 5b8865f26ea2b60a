// Package core is a client of the Unisono sync protocol without I/O: it is given what happens
// (a user's wish, a message, the time) and hands back what is to be done (effects).
//
// Spec: 01 to 07, 09, 10
// Not here: sockets, timers and goroutines (see the package above), optimistic updates, pagination.
package core
