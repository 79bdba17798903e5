-- Onboardings: a client's KYB file on its way to providers, and the conversation about each.

CREATE TABLE onboarding (
    client_id        uuid        NOT NULL REFERENCES client,
    id               uuid        NOT NULL,          -- the reference_id is made of it
    batch_id         uuid        NOT NULL,          -- those begun by one call
    mode             text        NOT NULL CHECK (mode IN ('test', 'live')),
    target           text        NOT NULL,          -- the provider's code
    status           text        NOT NULL CHECK (status IN ('submitted', 'received', 'processing', 'need_revision',
                                     'approved', 'rejected', 'connected', 'withdrawn')),
    status_at        timestamptz NOT NULL,
    version          integer     NOT NULL DEFAULT 1, -- of the onboarding: it only rises, and stands in its events
    round            integer     NOT NULL DEFAULT 1, -- submissions so far
    file_version     integer     NOT NULL,          -- of the KYB file: what is carried now
    base_version     integer     NOT NULL,          -- what the provider saw last; the first one until it saw any
    seen_version     integer,                       -- what it has answered for
    changed          text[]      NOT NULL,          -- names of fields that differ from base_version
    details          bytea       NOT NULL,          -- answers to the provider's questions, sealed under the file's key
    grant_id         uuid        NOT NULL,          -- of the links to its documents
    progress         bytea       NOT NULL,          -- what the way to this provider remembers, sealed
    provider_data    bytea,                         -- everything it said last, sealed
    provider_data_at timestamptz,
    connection_id    uuid,
    task             text        CHECK (task IN ('file', 'ask')),   -- what is to be done next; null: nothing by us
    next_try_at      timestamptz,
    lease            uuid,                          -- of who is at it
    leased_until     timestamptz,
    tries            integer     NOT NULL DEFAULT 0, -- of this task, without news
    created_at       timestamptz NOT NULL,
    created_by       text        NOT NULL,
    updated_at       timestamptz NOT NULL,
    PRIMARY KEY (client_id, id),
    FOREIGN KEY (client_id, file_version) REFERENCES kyb_version (client_id, version),
    FOREIGN KEY (client_id, connection_id) REFERENCES connection (client_id, id),
    FOREIGN KEY (client_id, grant_id) REFERENCES document_grant (client_id, id),
    CHECK ((task IS NULL) = (next_try_at IS NULL)),
    CHECK ((lease IS NULL) = (leased_until IS NULL)),
    CHECK (task IS NULL OR status NOT IN ('rejected', 'connected', 'withdrawn'))
) WITH (fillfactor = 80);
-- One at a time for each provider.
CREATE UNIQUE INDEX onboarding_running ON onboarding (client_id, mode, target)
    WHERE status NOT IN ('rejected', 'connected', 'withdrawn');
CREATE INDEX onboarding_due ON onboarding (target, next_try_at) WHERE task IS NOT NULL;

-- What was said and done, in order. Nothing is taken out; only the same failure again is counted up.
CREATE TABLE onboarding_line (
    client_id     uuid        NOT NULL,
    onboarding_id uuid        NOT NULL,
    seq           integer     NOT NULL,
    at            timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    times         integer     NOT NULL DEFAULT 1,
    kind          text        NOT NULL CHECK (kind IN ('submitted', 'answered', 'told', 'failed', 'halted', 'withdrawn',
                                  'tested', 'connected')),
    who           text        NOT NULL,              -- a person, `provider`, or `engine`
    status        text,                              -- that somebody said
    file_version  integer     NOT NULL,
    changed       text[]      NOT NULL,
    remarks       bytea,                             -- the provider's words, sealed; they may name people
    note          text,                              -- ours: never of the content
    PRIMARY KEY (client_id, onboarding_id, seq),
    FOREIGN KEY (client_id, onboarding_id) REFERENCES onboarding (client_id, id)
);

-- Keys by which providers tell how onboardings stand. They belong to the installation, not to a client.
CREATE TABLE provider_key (
    id           uuid        PRIMARY KEY,
    target       text        NOT NULL,
    mode         text        NOT NULL CHECK (mode IN ('test', 'live')),
    hash         bytea       NOT NULL UNIQUE,
    hint         text        NOT NULL,
    created_at   timestamptz NOT NULL,
    revoked_at   timestamptz
);
