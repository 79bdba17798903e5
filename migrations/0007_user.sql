-- People: who they are, what they may do for which client, how they sign in.
--
-- A person (app_user) belongs to no client and may work for many; what they may do for one is a membership, and that is
-- a tenant's row like any other. app_user, session and sign_in_attempt are reference tables beside route and setting.
-- Names and addresses are sealed; an address is found again by its keyed hash.

CREATE TABLE app_user (
    user_id      uuid        PRIMARY KEY,
    email        bytea       NOT NULL,             -- sealed
    email_hash   bytea       NOT NULL UNIQUE,
    name         bytea       NOT NULL,             -- sealed
    password     text        NOT NULL,             -- argon2id, with its parameters
    password_at  timestamptz NOT NULL,
    totp         bytea,                            -- sealed; set: every sign-in needs a code
    totp_step    bigint      NOT NULL DEFAULT 0,   -- the last step a code was taken for: none is taken twice
    totp_pending bytea,                            -- sealed; shown, and not confirmed yet
    recovery     bytea[]     NOT NULL DEFAULT '{}', -- keyed hashes of the recovery codes left
    reset_hash   bytea       UNIQUE,               -- of the one link that sets a new password
    reset_until  timestamptz,
    created_at   timestamptz NOT NULL
);

CREATE TABLE membership (
    client_id  uuid        NOT NULL REFERENCES client,
    user_id    uuid        NOT NULL,
    role       text        NOT NULL CHECK (role IN ('owner', 'super_admin', 'admin', 'finance', 'operation', 'developer')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, user_id)
);
CREATE INDEX membership_of_user ON membership (user_id);

-- Its token is found by `route`; of the token only the hash is kept.
CREATE TABLE invitation (
    client_id  uuid        NOT NULL REFERENCES client,
    id         uuid        NOT NULL,
    email      bytea       NOT NULL,               -- sealed
    email_hash bytea       NOT NULL,
    role       text        NOT NULL CHECK (role IN ('owner', 'super_admin', 'admin', 'finance', 'operation', 'developer')),
    invited_by text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,                        -- used, withdrawn, or replaced by a newer one
    PRIMARY KEY (client_id, id)
);
CREATE UNIQUE INDEX invitation_open ON invitation (client_id, email_hash) WHERE ended_at IS NULL;

-- Who is signed in. A session begins anew, under another token, at each step of signing in and wherever what it may do
-- changes; so a token that somebody planted or saw earlier is worth nothing.
CREATE TABLE session (
    token_hash bytea       PRIMARY KEY,
    id         uuid        NOT NULL,               -- what its owner ends it by
    user_id    uuid        NOT NULL,
    client_id  uuid,                               -- whom the person works for now
    mode       text        NOT NULL CHECK (mode IN ('test', 'live')),
    stage      text        NOT NULL CHECK (stage IN ('second_factor', 'full')), -- the code is still missing, or nothing is
    device     text        NOT NULL,               -- browser and system, coarsely
    started_at timestamptz NOT NULL,               -- of the sign-in, kept when the token changes
    proved_at  timestamptz NOT NULL,               -- when the person last gave the password or a code
    seen_at    timestamptz NOT NULL                -- to the minute
);
CREATE INDEX session_of_user ON session (user_id);

-- Tries to sign in, by account (known or not), by address, and for the second factor. Each counts before it is looked
-- at, so tries in parallel gain nothing.
CREATE TABLE sign_in_attempt (
    kind          text        NOT NULL CHECK (kind IN ('account', 'address', 'second_factor')),
    lookup        bytea       NOT NULL,            -- a keyed hash
    tries         integer     NOT NULL,
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL,
    PRIMARY KEY (kind, lookup)
);
