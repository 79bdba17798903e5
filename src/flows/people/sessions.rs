//! Sessions: found by a cookie's token, begun anew wherever what they may do changes, and ended.
//!
//! A session that nothing was done with for half an hour is over, and each is after twelve hours, by configuration.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{EMAIL, NAME, Pause, Person, Work, audited_own, open_text, token, token_hash};
use crate::app::App;
use crate::domain::ids;
use crate::domain::role::Role;
use crate::domain::service::Mode;
use crate::store::membership::Employer;
use crate::store::session::{self, NewSession, Place};
use crate::store::{self, Tx, membership};

/// How far a session got.
pub(super) const FULL: &str = "full";
pub(super) const SECOND_FACTOR: &str = "second_factor";

/// How long the page that asks for a code waits.
const CODE_WAIT: TimeDelta = TimeDelta::minutes(10);

/// How old the note of the last use may be.
const TOUCH: TimeDelta = TimeDelta::minutes(1);

/// A session as its cookie finds it.
pub enum Found {
    /// Signed in.
    Person(Box<Person>),
    /// The password was right; the code is still to come.
    HalfWay(HalfWay),
}

/// Who gave the password and must still give a code.
pub struct HalfWay {
    pub user_id: Uuid,
    pub device: String,
    pub(super) token_hash: Vec<u8>,
}

fn seconds(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000))
}

/// The oldest times of beginning and of use that still count.
fn horizon(app: &App) -> (DateTime<Utc>, DateTime<Utc>) {
    let (now, console) = (app.now(), &app.config.console);
    (now - seconds(console.session_s), now - seconds(console.idle_s))
}

/// The hash a token is found by.
pub(super) fn hash(app: &App, token: &str) -> [u8; 32] {
    token_hash(app, "session", token)
}

/// Who a token stands for, if its session is alive; this counts as a use of it.
pub async fn find(app: &App, token: &str) -> anyhow::Result<Option<Found>> {
    look(app, token, true).await
}

/// The same for what a page asks by itself: nobody need be there, so the session grows as old as without it.
pub async fn watch(app: &App, token: &str) -> anyhow::Result<Option<Found>> {
    look(app, token, false).await
}

async fn look(app: &App, token: &str, is_use: bool) -> anyhow::Result<Option<Found>> {
    let Some(row) = session::find(&app.db, &hash(app, token)).await? else { return Ok(None) };
    let (now, (started_after, seen_after)) = (app.now(), horizon(app));
    if row.started_at <= started_after || row.seen_at <= seen_after {
        return Ok(None);
    }
    if row.stage != FULL {
        let (user_id, device, token_hash) = (row.user_id, row.device, row.token_hash);
        let alive = row.started_at > now - CODE_WAIT;
        return Ok(alive.then_some(Found::HalfWay(HalfWay { user_id, device, token_hash })));
    }
    if is_use && now - row.seen_at > TOUCH {
        let mut tx = crate::flows::single(&app.db).await?;
        session::touch(&mut tx, &row.token_hash, now).await?;
        tx.commit().await?;
    }
    let role = row.role.as_deref().and_then(Role::parse);
    let pause = Pause::of(row.paused_at, row.paused_reason, row.all_paused.as_ref());
    let work = row.client_id.zip(row.client).zip(role);
    let work = work.map(|((client_id, client), role)| Work { client_id, client, role, pause });
    Ok(Some(Found::Person(Box::new(Person {
        user_id: row.user_id,
        session_id: row.id,
        name: open_text(app, row.user_id, NAME, &row.name)?,
        email: open_text(app, row.user_id, EMAIL, &row.email)?,
        token_hash: row.token_hash,
        second_factor: row.second_factor,
        device: row.device,
        started_at: row.started_at,
        proved_at: row.proved_at,
        mode: Mode::parse(&row.mode).unwrap_or(Mode::Test),
        work,
    }))))
}

/// Begins a session and answers its token. What was there before under another token the caller ends.
pub(super) async fn begin(
    app: &App,
    tx: &mut Tx,
    user_id: Uuid,
    stage: &str,
    device: &str,
    client_id: Option<Uuid>,
) -> store::Result<String> {
    let (now, token) = (app.now(), token());
    let (started_before, seen_before) = horizon(app);
    session::sweep(tx, started_before, seen_before).await?;
    let new = NewSession {
        token_hash: &hash(app, &token),
        id: ids::new_id(now),
        user_id,
        client_id,
        mode: Mode::Test.as_str(),
        stage,
        device,
        started_at: now,
        proved_at: now,
    };
    session::insert(tx, &new, now).await?;
    Ok(token)
}

/// Goes on under another token; the old one is worth nothing from here on.
pub(super) async fn renew(app: &App, tx: &mut Tx, person: &Person, client_id: Option<Uuid>) -> store::Result<String> {
    let (now, token) = (app.now(), token());
    session::end(tx, &person.token_hash).await?;
    let new = NewSession {
        token_hash: &hash(app, &token),
        id: person.session_id,
        user_id: person.user_id,
        client_id,
        mode: person.mode.as_str(),
        stage: FULL,
        device: &person.device,
        started_at: person.started_at,
        proved_at: person.proved_at,
    };
    session::insert(tx, &new, now).await?;
    Ok(token)
}

/// Ends the session of a token, whatever it got to.
pub async fn sign_out(app: &App, token: &str) -> anyhow::Result<()> {
    let found = find(app, token).await?;
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    session::end(&mut tx, &hash(app, token)).await?;
    if let Some(Found::Person(person)) = found {
        audited_own(&mut tx, &person, "session.ended", now).await?;
    }
    Ok(tx.commit().await?)
}

/// Where the person is signed in, the last seen first.
pub async fn list(app: &App, person: &Person) -> store::Result<Vec<Place>> {
    let (started_after, seen_after) = horizon(app);
    session::of_user(&app.db, person.user_id, started_after, seen_after).await
}

/// Ends one of the person's own sessions; `false` where there is none such.
pub async fn end_one(app: &App, person: &Person, id: Uuid) -> store::Result<bool> {
    let now = app.now();
    let mut tx = crate::flows::begin(&app.db).await?;
    let ended = session::end_one(&mut tx, person.user_id, id).await?;
    if ended {
        audited_own(&mut tx, person, "session.ended", now).await?;
    }
    tx.commit().await?;
    Ok(ended)
}

/// The clients the person can work for.
pub async fn employers(app: &App, person: &Person) -> store::Result<Vec<Employer>> {
    membership::of_user(&app.db, person.user_id).await
}

/// Goes to work for another client, in test mode; answers the new token, or `None` where the person has no work there.
pub async fn work_for(app: &App, person: &Person, client_id: Uuid) -> store::Result<Option<String>> {
    let mine = membership::of_user(&app.db, person.user_id).await?;
    if !mine.iter().any(|employer| employer.client_id == client_id) {
        return Ok(None);
    }
    let mut tx = crate::flows::begin(&app.db).await?;
    let there = Person { mode: Mode::Test, ..person.clone() };
    let token = renew(app, &mut tx, &there, Some(client_id)).await?;
    tx.commit().await?;
    Ok(Some(token))
}

/// Looks at the other mode's data from here on.
pub async fn set_mode(app: &App, person: &Person, mode: Mode) -> store::Result<()> {
    let mut tx = crate::flows::single(&app.db).await?;
    session::set_mode(&mut tx, &person.token_hash, mode.as_str()).await?;
    tx.commit().await
}
