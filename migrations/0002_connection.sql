-- A client's accounts at payment providers, and the order in which they are tried.

CREATE TABLE connection (
    client_id      uuid        NOT NULL REFERENCES client,
    id             uuid        NOT NULL,
    mode           text        NOT NULL CHECK (mode IN ('test', 'live')),
    provider       text        NOT NULL,
    label          text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('AGGREGATOR', 'DIRECT')),
    services       text[]      NOT NULL,
    identity       text        NOT NULL,   -- the account at the provider; another one is another connection
    credentials    bytea       NOT NULL,   -- sealed JSON; only secrets of the same identity rotate
    credential_fields text[]   NOT NULL,   -- which of them are set: names alone
    credentials_at timestamptz NOT NULL,   -- when they were last replaced
    previous_credentials bytea,            -- the ones before: questions may still be asked with them
    previous_until timestamptz,            -- until then
    settings       jsonb       NOT NULL,   -- what the adapter lets a connection change, such as its base address
    status         text        NOT NULL CHECK (status IN ('ACTIVE', 'MAINTENANCE', 'INACTIVE')),
    status_reason  text        NOT NULL DEFAULT '',
    status_until   timestamptz,            -- MAINTENANCE ends by itself then
    codename       text        NOT NULL,   -- the unguessable word in its callback address
    version        integer     NOT NULL DEFAULT 1,
    last_activity_at timestamptz,          -- when it last spoke with its provider, to the minute
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    removed_at     timestamptz,            -- attempts refer to it, so its row stays; its label is free again
    PRIMARY KEY (client_id, id),
    CHECK (removed_at IS NULL OR status = 'INACTIVE'),
    CHECK (status_until IS NULL OR status = 'MAINTENANCE'),
    CHECK ((previous_credentials IS NULL) = (previous_until IS NULL))
);
CREATE UNIQUE INDEX connection_label ON connection (client_id, mode, lower(label)) WHERE removed_at IS NULL;
CREATE INDEX connection_maintenance ON connection (client_id, status_until) WHERE status_until IS NOT NULL;
CREATE INDEX connection_overlap ON connection (client_id, previous_until) WHERE previous_until IS NOT NULL;

-- Connections that are watched: the client's rule, and how far one that monitoring took out of routing has recovered.
CREATE TABLE monitoring (
    client_id      uuid        NOT NULL,
    connection_id  uuid        NOT NULL,
    rule           jsonb       NOT NULL,
    since          timestamptz NOT NULL,   -- sends before it do not count: its status or the rule changed then
    tripped_at     timestamptz,            -- monitoring set it to MAINTENANCE then, and nobody took over
    next_at        timestamptz,            -- the next look whether it recovered
    good           integer     NOT NULL DEFAULT 0,   -- good answers in a row
    wait_s         integer     NOT NULL DEFAULT 0,   -- the wait that led to next_at
    recovered_at   timestamptz,
    updated_at     timestamptz NOT NULL,
    updated_by     text        NOT NULL,
    PRIMARY KEY (client_id, connection_id),
    FOREIGN KEY (client_id, connection_id) REFERENCES connection (client_id, id),
    CHECK ((tripped_at IS NULL) = (next_at IS NULL))
);
CREATE INDEX monitoring_due ON monitoring (client_id, next_at) WHERE next_at IS NOT NULL;

-- What a connection costs for a service, and from when: every plan it ever had, and those to come. In force is the one
-- that began last, and of two with one beginning the later version; what it makes is copied onto each attempt.
CREATE TABLE fee_plan (
    client_id      uuid        NOT NULL,
    connection_id  uuid        NOT NULL,
    service        text        NOT NULL,
    version        integer     NOT NULL,
    effective_from timestamptz NOT NULL,
    plan           jsonb       NOT NULL,
    created_at     timestamptz NOT NULL,
    created_by     text        NOT NULL,
    PRIMARY KEY (client_id, connection_id, service, version),
    FOREIGN KEY (client_id, connection_id) REFERENCES connection (client_id, id)
);
CREATE INDEX fee_plan_from ON fee_plan (client_id, connection_id, service, effective_from);

CREATE TABLE sequence (
    client_id      uuid        NOT NULL REFERENCES client,
    mode           text        NOT NULL,
    service        text        NOT NULL,
    destination    text        NOT NULL DEFAULT '',   -- '' is the default sequence of the service
    version        integer     NOT NULL,
    connection_ids uuid[]      NOT NULL,
    updated_at     timestamptz NOT NULL,
    updated_by     text        NOT NULL,
    PRIMARY KEY (client_id, mode, service, destination)
);

-- Every version a sequence ever had: what the reason of an attempt names. A custom sequence that was removed has a last
-- version without connections, and its numbers go on where it is made again.
CREATE TABLE sequence_version (
    client_id      uuid        NOT NULL REFERENCES client,
    mode           text        NOT NULL,
    service        text        NOT NULL,
    destination    text        NOT NULL,
    version        integer     NOT NULL,
    connection_ids uuid[],
    updated_at     timestamptz NOT NULL,
    updated_by     text        NOT NULL,
    PRIMARY KEY (client_id, mode, service, destination, version)
);
