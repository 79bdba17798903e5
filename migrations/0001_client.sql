-- Clients, their keys, and the two tables that belong to no client.
--
-- Every tenant table of this schema has client_id first in its primary key, its unique constraints and its foreign
-- keys between tenant tables, so that Postgres can be distributed by client without a change here. `route` and
-- `setting` are reference tables, and so are those of people in 0007 and the position in 0008. tests/it/catalog.rs reads
-- the catalogue and keeps this true.

CREATE TABLE client (
    client_id         uuid        PRIMARY KEY,
    name              text        NOT NULL,
    status            text        NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'CLOSED')), -- closed, never deleted
    allowed_addresses text[]      NOT NULL DEFAULT '{}',   -- CIDR blocks; empty: from anywhere
    paused_at         timestamptz,                         -- sending is paused: polling and advancing go on
    paused_reason     text,
    created_at        timestamptz NOT NULL
);

-- What arrives without a client finds it here: the hash of an API key or of an invitation's token, an onboarding's id,
-- the codename in a callback address.
CREATE TABLE route (
    kind      text  NOT NULL CHECK (kind IN ('api_key', 'callback', 'invitation', 'onboarding')),
    lookup    bytea NOT NULL,
    client_id uuid  NOT NULL,
    target    uuid  NOT NULL,
    PRIMARY KEY (kind, lookup)
);

-- Switches of the whole installation, such as the pause of all sending.
CREATE TABLE setting (
    name       text        PRIMARY KEY,
    value      jsonb       NOT NULL,
    updated_at timestamptz NOT NULL
);

CREATE TABLE api_key (
    client_id    uuid        NOT NULL REFERENCES client,
    id           uuid        NOT NULL,
    mode         text        NOT NULL CHECK (mode IN ('test', 'live')),
    name         text        NOT NULL,
    user_id      uuid,                   -- the person it belongs to, who answers for what it does; or, where none is known,
    person       text,                   -- a name that somebody gave. Two people means two of either
    hint         text        NOT NULL,   -- the first and last characters, to recognise it by
    rights       jsonb       NOT NULL,   -- product -> none | read | write | read_write
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,            -- written once a minute
    revoked_at   timestamptz,
    PRIMARY KEY (client_id, id),
    CHECK (num_nonnulls(user_id, person) = 1),
    CHECK (person NOT LIKE 'usr\_%')    -- what a person's id looks like is no name
);

-- Who did what. Never updated: each entry's hash is over the hash of the one before it and its own content, so that
-- `paystrator audit verify` finds what was changed, taken out or put in.
CREATE TABLE audit (
    client_id uuid        NOT NULL REFERENCES client,
    seq       bigint      NOT NULL,   -- its place in the client's chain, from 1 on without gaps
    id        uuid        NOT NULL,
    at        timestamptz NOT NULL,
    mode      text        CHECK (mode IN ('test', 'live')),   -- null: it concerns both
    person    text        NOT NULL,
    action    text        NOT NULL,
    object    text        NOT NULL,
    detail    jsonb       NOT NULL,
    hash      bytea       NOT NULL,
    PRIMARY KEY (client_id, seq)
);
CREATE INDEX audit_object ON audit (client_id, object, seq);

CREATE INDEX audit_area ON audit (client_id, split_part(action, '.', 1), seq);

-- Where each chain ends. Who adds an entry holds this row until its commit, so no chain forks.
CREATE TABLE audit_head (
    client_id uuid        PRIMARY KEY REFERENCES client,
    seq       bigint      NOT NULL,
    hash      bytea       NOT NULL
);
