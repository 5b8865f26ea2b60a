//! One client under test: a task that carries out its operations in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use convex::{
    AuthenticationToken, ConvexClient, FunctionResult, QueryResults, QuerySubscription,
    SubscriberId,
};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryFutureExt, poll};
use serde_json::{Map, Value as Json, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::lines::{Answer, args_of, emit, ending_of, merge, view_of};

type Views = Arc<Mutex<Map<String, Json>>>;
type Fetches = Arc<Mutex<HashMap<u64, oneshot::Sender<Option<AuthenticationToken>>>>>;
type Ending = Result<FunctionResult, String>;

/// What the lines hold of a client: they never wait for it.
pub struct Subject {
    operations: mpsc::UnboundedSender<Json>,
    views: Views,
    fetches: Fetches,
    task: JoinHandle<()>,
}

impl Subject {
    pub fn open(name: String, url: String) -> Self {
        let (operations, queue) = mpsc::unbounded_channel();
        let (views, fetches) = (Views::default(), Fetches::default());
        let play = Play::new(name, views.clone(), fetches.clone());
        let task = tokio::spawn(play.run(url, queue));
        Subject {
            operations,
            views,
            fetches,
            task,
        }
    }

    /// Answer an operation. What needs the connection happens later, in order.
    pub async fn handle(&self, op: Json) -> Answer {
        let kind = op["op"].as_str().unwrap_or_default();
        match kind {
            "snapshot" => Answer::Done(json!({"views": *self.views.lock().unwrap()})),
            "token" => self.token(&op),
            "subscribe" if op.get("pagination").is_some() => {
                Answer::Unsupported("it has no paginated queries".to_owned())
            }
            "mutate" if op.get("optimistic").is_some() => {
                Answer::Unsupported("it has no optimistic updates".to_owned())
            }
            "set_auth" if op.get("acting_as").is_some_and(|who| !who.is_null()) => {
                Answer::Unsupported("acting as somebody is not in its public API".to_owned())
            }
            "subscribe" | "query" | "mutate" | "action" => match args_of(&op) {
                Ok(_) => self.queue(op),
                Err(error) => Answer::Failed(error),
            },
            "unsubscribe" | "set_auth" => self.queue(op),
            _ => Answer::Unsupported(format!("{kind} is not in its API")),
        }
    }

    /// Nothing of the client is left: its task held the last handles.
    pub fn close(self) {
        self.task.abort();
    }

    fn queue(&self, op: Json) -> Answer {
        match self.operations.send(op) {
            Ok(()) => Answer::done(),
            Err(_) => Answer::Failed("the client could not be opened".to_owned()),
        }
    }

    fn token(&self, op: &Json) -> Answer {
        let number = op["number"].as_u64().unwrap_or_default();
        let Some(waiting) = self.fetches.lock().unwrap().remove(&number) else {
            return Answer::Failed(format!("nobody waits for token {number}"));
        };
        let token = match op["token"].as_str() {
            Some(token) => AuthenticationToken::User(token.to_owned()),
            None => AuthenticationToken::None,
        };
        let refused = op["reject"].as_bool().unwrap_or_default();
        let _ = waiting.send(if refused { None } else { Some(token) });
        Answer::done()
    }
}

struct Play {
    name: String,
    subs: HashMap<String, QuerySubscription>,
    ids: HashMap<String, SubscriberId>,
    calls: JoinSet<()>,
    views: Views,
    fetches: Fetches,
    count: Arc<Mutex<u64>>,
}

impl Play {
    fn new(name: String, views: Views, fetches: Fetches) -> Self {
        Play {
            name,
            subs: HashMap::new(),
            ids: HashMap::new(),
            calls: JoinSet::new(),
            views,
            fetches,
            count: Arc::default(),
        }
    }

    async fn run(mut self, url: String, mut queue: mpsc::UnboundedReceiver<Json>) {
        let mut client = match ConvexClient::new(&url).await {
            Ok(client) => client,
            Err(error) => {
                let message = error.to_string();
                emit(
                    &self.name,
                    "error",
                    json!({"kind": "open", "message": message}),
                );
                return;
            }
        };
        let mut results = client.watch_all();
        loop {
            tokio::select! {
                biased;
                Some(op) = queue.recv() => self.operate(&mut client, &op).await,
                Some(seen) = results.next() => self.show(&seen),
            }
        }
    }

    async fn operate(&mut self, client: &mut ConvexClient, op: &Json) {
        let path = op["path"].as_str().unwrap_or_default().to_owned();
        let args = args_of(op).unwrap_or_default();
        let mut caller = client.clone();
        let call: BoxFuture<'static, Ending> = match op["op"].as_str().unwrap_or_default() {
            "subscribe" => return self.subscribe(client, op).await,
            "unsubscribe" => return self.unsubscribe(op),
            "set_auth" => return self.set_auth(client, op).await,
            "mutate" => Box::pin(async move { said(caller.mutation(&path, args).await) }),
            "action" => Box::pin(async move { said(caller.action(&path, args).await) }),
            _ => Box::pin(async move { said(caller.query(&path, args).await) }),
        };
        self.call(op["call"].clone(), call).await;
    }

    async fn subscribe(&mut self, client: &mut ConvexClient, op: &Json) {
        let (path, sub) = (op["path"].as_str().unwrap_or_default(), text(&op["sub"]));
        match client
            .subscribe(path, args_of(op).unwrap_or_default())
            .await
        {
            Ok(mut subscription) => {
                self.ids.insert(sub.clone(), *subscription.id());
                let known = subscription.next().now_or_never().flatten();
                self.subs.insert(sub.clone(), subscription);
                if let Some(result) = known {
                    self.report(vec![(sub, view_of(&result))]);
                }
            }
            Err(error) => {
                self.report(vec![(
                    sub,
                    json!({"error": {"message": error.to_string()}}),
                )]);
            }
        }
    }

    fn unsubscribe(&mut self, op: &Json) {
        let sub = text(&op["sub"]);
        self.ids.remove(&sub);
        self.subs.remove(&sub);
        self.views.lock().unwrap().remove(&sub);
    }

    fn show(&mut self, seen: &QueryResults) {
        let views = self
            .ids
            .iter()
            .filter_map(|(sub, id)| seen.get(id).map(|result| (sub.clone(), view_of(result))));
        self.report(views.collect());
    }

    /// Report what is new; the crate tells of every query after every Transition.
    fn report(&self, shown: Vec<(String, Json)>) {
        let mut views = self.views.lock().unwrap();
        let mut changes = Vec::new();
        for (sub, view) in shown {
            if views.get(&sub) != Some(&view) {
                let mut change = json!({"sub": sub});
                merge(&mut change, view.clone());
                changes.push(change);
                views.insert(sub, view);
            }
        }
        if !changes.is_empty() {
            emit(&self.name, "update", json!({"changes": changes}));
        }
    }

    /// Begin a call here and now, so that calls keep their order, and report its end later.
    async fn call(&mut self, call: Json, mut ending: BoxFuture<'static, Ending>) {
        let begun = poll!(&mut ending);
        let name = self.name.clone();
        self.calls.spawn(async move {
            let ended = match begun {
                std::task::Poll::Ready(ended) => ended,
                std::task::Poll::Pending => ending.await,
            };
            let mut fields = match ended {
                Ok(result) => ending_of(result),
                Err(message) => json!({"error": {"kind": "local", "message": message}}),
            };
            fields["call"] = call;
            emit(&name, "settled", fields);
        });
    }

    async fn set_auth(&mut self, client: &mut ConvexClient, op: &Json) {
        let token = op["token"].as_str().map(str::to_owned);
        match op["mode"].as_str().unwrap_or_default() {
            "static" => client.set_auth(token).await,
            "none" => client.set_auth(None).await,
            "admin" => {
                let key = token.unwrap_or_default();
                let fetch = move |_| {
                    let admin = AuthenticationToken::Admin(key.clone(), None);
                    async move { Ok(admin) }.boxed()
                };
                client.set_auth_callback(Some(Box::new(fetch))).await;
            }
            _ => {
                let (name, fetches) = (self.name.clone(), self.fetches.clone());
                let count = self.count.clone();
                let fetch = move |force| {
                    fetched(name.clone(), fetches.clone(), count.clone(), force)
                        .err_into()
                        .boxed()
                };
                // The crate waits for the first token in here; the lines must go on meanwhile.
                let mut caller = client.clone();
                let mut setting: BoxFuture<'static, ()> =
                    Box::pin(async move { caller.set_auth_callback(Some(Box::new(fetch))).await });
                if poll!(&mut setting).is_pending() {
                    self.calls.spawn(setting);
                }
            }
        }
    }
}

async fn fetched(
    name: String,
    fetches: Fetches,
    count: Arc<Mutex<u64>>,
    force: bool,
) -> Result<AuthenticationToken, Refused> {
    let (waiting, answer) = oneshot::channel();
    let number = {
        let mut count = count.lock().unwrap();
        *count += 1;
        *count
    };
    fetches.lock().unwrap().insert(number, waiting);
    emit(
        &name,
        "token_wanted",
        json!({"number": number, "force": force}),
    );
    answer.await.ok().flatten().ok_or(Refused)
}

/// The fetcher says that it raises.
#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, into: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        into.write_str("the fetcher raises")
    }
}

impl std::error::Error for Refused {}

fn said<E: std::fmt::Display>(ended: Result<FunctionResult, E>) -> Ending {
    ended.map_err(|error| error.to_string())
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
