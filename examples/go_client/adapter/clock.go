package main

import (
	"time"

	"example.com/unisono/core"
)

// clock is the runner's: time moves by advance alone, and chance stands still.
type clock struct {
	now    time.Time
	jitter float64
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), jitter: 0.5}
}

func (c *clock) moment() core.Moment { return core.Moment{Now: c.now, Jitter: c.jitter} }

// chance is the jitter that a line brings, or a half.
func (c *clock) chance(told *float64) {
	c.jitter = 0.5
	if told != nil {
		c.jitter = *told
	}
}

// advance runs every deadline on the way, the earliest first.
func (c *clock) advance(span time.Duration, players map[string]*player) {
	target := c.now.Add(span)
	for {
		var first *inlineClient
		at := target
		for _, p := range players {
			inline := p.client.(*inlineClient)
			if next := inline.session.NextDeadline(); !next.IsZero() && !next.After(at) {
				first, at = inline, next
			}
		}
		if first == nil {
			c.now = target
			return
		}
		if at.After(c.now) {
			c.now = at
		}
		first.run(first.session.Tick)
	}
}
