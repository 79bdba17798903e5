-- KYB: what a client says of itself to providers, and the keys under which it is kept.

-- Keys of their own for data that must be erasable by themselves: one for a client's KYB file, one for each person of it
-- and one for each document (whose id is the key's). Without `wrapped` everything sealed under the key is unreadable for ever, in every version.
CREATE TABLE data_key (
    client_id    uuid        NOT NULL REFERENCES client,
    id           uuid        NOT NULL,
    purpose      text        NOT NULL CHECK (purpose IN ('kyb', 'person', 'document')),
    wrapped      bytea,                            -- the key, sealed under the master keys
    created_at   timestamptz NOT NULL,
    destroyed_at timestamptz,
    PRIMARY KEY (client_id, id),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE UNIQUE INDEX data_key_kyb ON data_key (client_id) WHERE purpose = 'kyb' AND destroyed_at IS NULL;

-- Every version of a client's KYB file; the newest is the one that stands. None is ever changed.
CREATE TABLE kyb_version (
    client_id uuid        NOT NULL REFERENCES client,
    version   integer     NOT NULL,                -- from 1 on without gaps
    id        uuid        NOT NULL,                -- what `company` is sealed to
    key_id    uuid        NOT NULL,
    company   bytea       NOT NULL,                -- all but its people, sealed under the client's KYB key
    changed   text[]      NOT NULL,                -- names of fields, never values
    saved_at  timestamptz NOT NULL,
    saved_by  text        NOT NULL,
    PRIMARY KEY (client_id, version),
    FOREIGN KEY (client_id, key_id) REFERENCES data_key (client_id, id)
);

-- The people of each version.
CREATE TABLE kyb_person (
    client_id uuid        NOT NULL,
    version   integer     NOT NULL,
    place     smallint    NOT NULL,                -- the submitter first, then the stakeholders in order
    role      text        NOT NULL CHECK (role IN ('submitter', 'stakeholder')),
    person_id uuid        NOT NULL,                -- and the key
    id        uuid        NOT NULL,                -- what `data` is sealed to
    data      bytea,                               -- sealed under the person's key; null: it was erased before
    PRIMARY KEY (client_id, version, place),
    FOREIGN KEY (client_id, version) REFERENCES kyb_version (client_id, version),
    FOREIGN KEY (client_id, person_id) REFERENCES data_key (client_id, id)
);
CREATE INDEX kyb_person_of ON kyb_person (client_id, person_id);
