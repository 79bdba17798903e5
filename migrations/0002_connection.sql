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
    settings       jsonb       NOT NULL,   -- what the adapter lets a connection change, such as its base address
    fee            jsonb       NOT NULL,   -- the fee plan in force; copied onto each attempt
    status         text        NOT NULL CHECK (status IN ('ACTIVE', 'MAINTENANCE', 'INACTIVE')),
    status_reason  text        NOT NULL DEFAULT '',
    codename       text        NOT NULL,   -- the unguessable word in its callback address
    version        integer     NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (client_id, id),
    UNIQUE (client_id, mode, label)
);

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
