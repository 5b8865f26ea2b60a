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

/** A session whose inputs carry their moment, and whose effects are records. */
function newSession() {
  const moment = { _now: 0, _jitter: 0.5 };
  const effects = [];
  const record = (type) => (...details) => effects.push({ type, details });
  const names = "open send close publish settle fetch authChanged stateChanged log".split(" ");
  const client = session.createSession(SESSION_ID, {}, moment, Object.fromEntries(names.map((name) => [`_${name}`, record(name)])));
  let query;
  const at = (input) => (now = moment._now) => {
    moment._now = now;
    const result = input();
    client._proceed();
    return result;
  };
  return {
    takeEffects: () => effects.splice(0),
    visible: client._visible,
    state: client._state,
    nextDeadline: client._nextDeadline,
    subscribe: (path, args) => (query = at(() => client._subscribe(path, args, Symbol("watcher")))())._token,
    unsubscribe: () => at(() => client._unsubscribe(query, [...query._watchers][0]))(),
    mutate: (path, args) => at(() => client._call("Mutation", path, args))(),
    act: (path, args) => at(() => client._call("Action", path, args))(),
    token: (number, token, now) => at(() => client._token(number, token))(now),
    received: (text, now) => at(() => client._received(text))(now),
    lost: (now, jitter, code, reason) => at(() => client._lost(code, reason))(now),
    start: at(client._start),
    opened: at(client._opened),
    setAuth: at(() => client._identify("set")),
    clearAuth: at(() => client._identify("clear")),
    pause: at(() => client._pause(true)),
    resume: at(() => client._pause(false)),
    reconnectNow: at(client._reconnectNow),
    close: at(client._close),
    tick: at(client._tick),
  };
}

/** A session, and what it has said on the current connection. */
class Talk {
  session = newSession();
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
    for (const { type, details } of this.session.takeEffects()) {
      if (type === "send") this.said.push(JSON.parse(details[0]));
      if (type === "settle") this.settled = true;
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
  moment = { _now: 1_000_000, _jitter: 0.5 };
  fetch = 0;
  sent = 0;
  confirmed = 0;
  held = "held";

  constructor(isExpecting) {
    const effects = { _fetch: (number) => (this.fetch = number), _authChanged: () => {} };
    this.auth = auth.createAuth(isExpecting, 10_000, 30_000, false, this.moment, effects);
    this.flush(true);
  }
  flush(isOpening = false) {
    if (isOpening) this.sent = this.confirmed = 0;
    if (!this.auth._isPausing()) this.sent += this.auth._flush(isOpening).length;
  }
  step(...parts) {
    this.auth._step(...parts);
    this.flush();
  }
  set() {
    this.step("set");
  }
  admin() {
    this.step("admin", { tokenType: "Admin", value: "key" });
  }
  clear() {
    this.step("clear");
  }
  returns(token) {
    this.held = token ?? this.held;
    this.auth._fetched(this.fetch, token);
    this.flush();
  }
  passes(ms) {
    this.moment._now += ms;
    this.auth._tick();
    this.flush();
  }
  confirms(beyond = 0) {
    this.confirmed = this.sent + beyond;
    this.auth._transition({ identity: this.confirmed });
    this.flush();
  }
  refuses(baseVersion, authUpdateAttempted) {
    this.auth._refused({ type: "AuthError", error: "no", baseVersion, authUpdateAttempted });
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
  "the clock goes on": (who) => who.passes(50_000),
  "server confirms": (who) => who.confirms(),
  "server confirms what nobody said": (who) => who.confirms(1),
  "the newest token expires, told twice": (who) => {
    who.refuses(who.sent - 1, false);
    who.flush(true);
    who.refuses(0, false);
  },
  "socket is lost": (who) => who.flush(true),
  "user sets a fetcher": (who) => who.set(),
  "user sets an admin key": (who) => who.admin(),
  "user clears": (who) => who.clear(),
};

function identity(state, happening) {
  const who = new Identity(state === "expecting");
  REACHED_BY[state](who);
  if (who.auth._state !== state) return `${who.auth._state} instead of ${state}`;
  const [, attempted, age] = /AuthError, attempted (.*), of (.*) token/.exec(happening) ?? [];
  if (age) who.refuses(who.sent - (age === "the newest" ? 1 : 2), { True: true, False: false }[attempted]);
  else HAPPENINGS[happening](who);
  return who.auth._state;
}

const REFUSAL = { type: "AuthError", error: "no", baseVersion: 0, authUpdateAttempted: true };
/** What is done to a session on the way to a state of its connection. */
const ON_THE_WAY = {
  idle: [],
  opening: ["start"],
  live: ["start", "sign in", "open"],
  waiting: ["start", "sign in", "open", "the line breaks"],
  stopped: ["start", "sign in", "open", "the token is refused"],
  closed: ["the user closes"],
};

function connection(state, happening) {
  const client = newSession();
  let now = 0;
  const says = (text) => client.received(text, now, 0.5);
  const events = {
    start: () => client.start(now),
    open: () => client.opened(now),
    "sign in": () => (client.setAuth(now), client.token(1, "token", now)),
    "the line breaks": () => client.lost(now, 0.5, 1006, ""),
    "the server is silent": () => {
      const due = client.nextDeadline();
      if (due !== Infinity) client.tick((now = due), 0.5);
    },
    "what is no message comes": () => says("{"),
    "an unknown message comes": () => says('{"type": "Later"}'),
    "a Ping comes": () => says('{"type": "Ping"}'),
    "the token is refused": () => says(JSON.stringify(REFUSAL)),
    "a FatalError comes": () => says('{"type": "FatalError", "error": "no"}'),
    "the fetcher returns another token": () => client.token(2, "another", now),
    "the user signs out": () => client.clearAuth(now),
    "the user pauses": () => client.pause(),
    "the user resumes": () => client.resume(now),
    "the user closes": () => client.close(),
  };
  for (const each of [...ON_THE_WAY[state], happening]) events[each]();
  return client.state().connection;
}

const MACHINES = { query, call, identity, connection };
const cells = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cells.map(([machine, state, event]) => MACHINES[machine](state, event))));
