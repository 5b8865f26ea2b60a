// Drives the machines of the TypeScript core: reads cells from stdin, prints where each one led.
// Usage: node machines.mjs <bundle of core/session.ts> <bundle of core/auth.ts>

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [session, auth] = await Promise.all(process.argv.slice(2).map((path) => import(pathToFileURL(path).href)));
const SESSION_ID = "123e4567-e89b-42d3-a456-426614174000";
// `{"iat": 0, "exp": 60}`: refreshed after 50 seconds.
const TIMED = "e30.eyJpYXQiOiAwLCAiZXhwIjogNjB9.c2ln";

const encodeTimestamp = (ts) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(ts));
  return bytes.toString("base64");
};

/** A session, and what it has said on the current connection. */
class Talk {
  session = session.createSession(SESSION_ID);
  said = [];
  settled = false;
  isOpen = false;
  step = [0, 0];

  start() {
    this.session.start(0);
  }
  open() {
    this.session.opened(0);
    this.isOpen = true;
    this.step = [0, 0];
    this.said = [];
    this.look();
  }
  lose() {
    this.isOpen = false;
    this.session.lost(0, 0.5, 1006, "");
    this.look();
  }
  look() {
    for (const effect of this.session.takeEffects()) {
      if (effect.type === "Send") this.said.push(JSON.parse(effect.text));
      if (effect.type === "Settle") this.settled = true;
    }
  }
  receive(message) {
    this.session.received(JSON.stringify(message), 0, 0.5);
    this.look();
  }
  transition(...modifications) {
    const [from, to] = [this.step, [this.step[0] + 1, this.step[1] + 10]];
    this.step = to;
    const [startVersion, endVersion] = [from, to].map(([querySet, ts]) => ({
      querySet,
      identity: 0,
      ts: encodeTimestamp(ts),
    }));
    const rest = { clientClockSkew: null, serverTs: null };
    this.receive({ type: "Transition", startVersion, endVersion, modifications, ...rest });
  }
  /** What a new connection is told. */
  opening() {
    if (this.isOpen) this.lose();
    if (this.session.state().connection === "waiting") this.session.reconnectNow(0);
    this.open();
    return this.said;
  }
}

function query(state, event) {
  const talk = new Talk();
  let token;
  const subscribe = () => (token = talk.session.subscribe("m:f", {}));
  talk.start();
  if (event !== "opened") {
    talk.open();
    talk.transition();
    if (state === "wanted") talk.session.pause();
  }
  const events = {
    "first subscriber": () => (talk.session.pause(), subscribe()),
    "another subscriber": subscribe,
    "last subscriber leaves": () => talk.session.unsubscribe(token),
    flush: () => talk.session.resume(0),
    opened: () => talk.open(),
    lost: () => talk.lose(),
    result: () => talk.transition({ type: "QueryUpdated", queryId: 0, value: 1, logLines: [], journal: null }),
    removed: () => talk.transition({ type: "QueryRemoved", queryId: 0 }),
  };
  if (state !== "absent") subscribe();
  if (state === "answered") events.result();
  talk.look();
  const left = event === "first subscriber" && state === "absent" ? undefined : token;
  events[event](left);
  talk.look();
  const adds = (frames) => frames.some((frame) => frame.modifications?.some((each) => each.type === "Add"));
  const isKnown = talk.isOpen && adds(talk.said);
  const isVisible = token !== undefined && talk.session.visible(token) !== undefined;
  talk.session.resume(0);
  if (!adds(talk.opening())) return "absent";
  return !isKnown ? "wanted" : isVisible ? "answered" : "asked";
}

function call(state, event) {
  const talk = new Talk();
  const kind = event === "lost, an action" ? "Action" : "Mutation";
  talk.start();
  if (event !== "opened" || state !== "unsent") talk.open();
  if (state === "unsent") talk.session.pause();
  if (kind === "Action") talk.session.act("m:f", {});
  else talk.session.mutate("m:f", {});
  talk.look();
  const respond = (success, ts) =>
    talk.receive({ type: "MutationResponse", requestId: 0, success, result: "x", ts, logLines: [] });
  if (state === "completed") respond(true, encodeTimestamp(10));
  if (state === "settled") respond(false, null);
  if (event === "opened" && state !== "unsent") talk.lose();
  const wasSaid = () => talk.said.some((frame) => frame.type === kind);
  let isSent = wasSaid();
  const events = {
    flush: () => talk.session.resume(0),
    opened: () => (talk.session.resume(0), talk.isOpen || talk.session.reconnectNow(0), talk.open()),
    "success of a mutation": () => respond(true, encodeTimestamp(10)),
    "failure or answer of an action": () => respond(false, null),
    "covering transition": () => talk.transition(),
    "lost, a mutation": () => talk.lose(),
    "lost, an action": () => talk.lose(),
    end: () => talk.session.close(),
  };
  events[event]();
  talk.look();
  isSent ||= wasSaid();
  if (talk.settled) return "settled";
  if (!isSent) return "unsent";
  // What is covered settles a call that is completed, and no other.
  if (!talk.isOpen) (talk.session.resume(0), talk.opening());
  talk.transition();
  return talk.settled ? "completed" : "sent";
}

/** The auth of a client, with what its session and its fetcher would do. */
class Identity {
  now = 1_000_000;
  fetch = 0;
  sent = 0;
  confirmed = 0;
  held = "held";

  constructor(isExpecting) {
    this.auth = auth.createAuth(isExpecting, 10_000, 30_000, (effect) => {
      if (effect.type === "FetchToken") this.fetch = effect.number;
    });
    this.flush(true);
  }
  flush(isOpening = false) {
    if (isOpening) this.sent = this.confirmed = 0;
    if (!this.auth.isPausing()) this.sent += this.auth.flush(isOpening).length;
  }
  step(...parts) {
    this.auth.step(...parts);
    this.flush();
  }
  set() {
    this.step("set", this.now);
  }
  admin() {
    this.step("admin", this.now, { tokenType: "Admin", value: "key" });
  }
  clear() {
    this.step("clear", this.now);
  }
  returns(token) {
    this.held = token ?? this.held;
    this.auth.fetched(this.fetch, token, this.now);
    this.flush();
  }
  passes(ms) {
    this.now += ms;
    this.auth.tick(this.now);
    this.flush();
  }
  confirms() {
    const [from, to] = [this.confirmed, this.sent];
    this.confirmed = to;
    this.auth.transition({ identity: from }, { identity: to }, this.now);
    this.flush();
  }
  refuses(baseVersion, authUpdateAttempted) {
    this.auth.refused({ type: "AuthError", error: "no", baseVersion, authUpdateAttempted }, this.now);
  }
}

const signIn = (who) => {
  who.set();
  who.returns("cached");
  who.confirms();
  who.returns(TIMED);
  who.confirms();
};
const REACHED_BY = {
  expecting: () => {},
  nobody: (who) => (signIn(who), who.clear()),
  admin: (who) => (signIn(who), who.admin()),
  fetching: (who) => (signIn(who), who.set()),
  forcing: (who) => (signIn(who), who.set(), who.returns(null)),
  cached: (who) => (signIn(who), who.set(), who.returns("another cached")),
  refreshing: (who) => (signIn(who), who.passes(50_000)),
  fresh: (who) => (signIn(who), who.passes(50_000), who.returns("fresh")),
  steady: signIn,
  recovering: (who) => (signIn(who), who.refuses(who.sent - 1, true)),
};
const HAPPENINGS = {
  "fetch returns a token": (who) => who.returns("new"),
  "fetch returns the same token": (who) => who.returns(who.held),
  "fetch returns null": (who) => who.returns(null),
  "fetch rejects": (who) => who.returns(null),
  "fetch never returns": (who) => who.passes(31_000),
  "socket is lost": (who) => who.flush(true),
  "user sets a fetcher": (who) => who.set(),
  "user sets an admin key": (who) => who.admin(),
  "user clears": (who) => who.clear(),
};

function identity(state, happening) {
  const who = new Identity(state === "expecting");
  REACHED_BY[state](who);
  if (who.auth.state() !== state) return `${who.auth.state()} instead of ${state}`;
  const [, attempted, age] = /AuthError, attempted (.*), of (.*) token/.exec(happening) ?? [];
  if (age) who.refuses(who.sent - (age === "the newest" ? 1 : 2), { True: true, False: false }[attempted]);
  else HAPPENINGS[happening](who);
  return who.auth.state();
}

const MACHINES = { query, call, identity };
const cells = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cells.map(([machine, state, event]) => MACHINES[machine](state, event))));
