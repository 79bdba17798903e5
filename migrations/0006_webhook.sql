-- Facts told to clients, where to, and each telling.

CREATE TABLE event (
    client_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    mode       text        NOT NULL,
    payment_id uuid        NOT NULL,
    version    integer     NOT NULL,      -- of the payment: it only rises
    type       text        NOT NULL,
    body       text        NOT NULL,      -- exactly what is signed and sent
    created_at timestamptz NOT NULL,
    xact       bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint, -- that wrote it: rollups follow the commits by it
    PRIMARY KEY (client_id, id)
);
CREATE UNIQUE INDEX event_once ON event (client_id, payment_id, version);
CREATE INDEX event_written ON event USING brin (xact) WITH (autosummarize);

CREATE TABLE endpoint (
    client_id       uuid        NOT NULL REFERENCES client,
    id              uuid        NOT NULL,
    mode            text        NOT NULL,
    url             text        NOT NULL,
    description     text        NOT NULL DEFAULT '',   -- what it is for, in the owner's words
    events          text[]      NOT NULL,
    secret          bytea       NOT NULL,   -- sealed
    previous_secret bytea,                  -- sealed; signs too until previous_until
    previous_until  timestamptz,
    token           bytea       NOT NULL,   -- sealed verification token
    status          text        NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'DISABLED')),
    disabled_reason text        NOT NULL DEFAULT '',
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (client_id, id)
);

CREATE TABLE delivery (
    client_id       uuid        NOT NULL,
    event_id        uuid        NOT NULL,
    endpoint_id     uuid        NOT NULL,
    replay          integer     NOT NULL DEFAULT 0,
    state           text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    tries           smallint    NOT NULL DEFAULT 0,
    next_try_at     timestamptz,
    leased_until    timestamptz,
    response_status smallint,
    note            text,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    xact            bigint      NOT NULL DEFAULT pg_current_xact_id()::text::bigint, -- of its last try
    PRIMARY KEY (client_id, endpoint_id, event_id, replay)   -- an endpoint's deliveries in the order of their events
) WITH (fillfactor = 80);
CREATE INDEX delivery_due ON delivery (client_id, endpoint_id, next_try_at) WHERE state = 'pending';
CREATE INDEX delivery_written ON delivery USING brin (xact) WITH (autosummarize);
CREATE INDEX delivery_failed ON delivery (client_id, endpoint_id, event_id, replay) WHERE state = 'failed';
